--- queue: opens the queue that a URL names. The seam: what comes back answers receive, delete,
-- delay, extend, send and counts, and a watcher does not see which kind it is.

local empty = require "watchbot.core".empty
local name = require "watchbot.queue.sqlite.name"
local urls = require "watchbot.lib.urls"

---@class watchbot.QueueModule
local queue = {}

local SCHEMES = { sqlite = "sqlite", https = "sqs", http = "sqs" }

local EXPECTED = "expected sqlite:FILE or https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"

local function refuse(url, why)
  return nil, ("queue '%s': %s"):format(urls.hide(tostring(url)), why), "Usage"
end

-- A URL that comes from a file or a variable often has the newline of its line.
local function trimmed(url)
  return type(url) == "string" and url:gsub("[\r\n]+$", "") or url
end

--- The file that the URL of an embedded queue names.
---@param url string `sqlite:FILE`
---@return string? path
---@return string? err
---@return "Usage"? code
function queue.file(url)
  local rest = tostring(trimmed(url)):match "^sqlite:(.*)$"
  if not rest then return refuse(url, "expected sqlite:FILE") end
  local path, why = name.path(rest)
  if not path then return refuse(url, why) end
  return path
end

--- The same queue, named so that it can be opened from any folder.
---@param url string `sqlite:FILE`
---@return string? url
---@return string? err
---@return string? code "Usage", or an errno name when the file's folder is not there
function queue.absolute(url)
  local path, err, code = queue.file(url)
  if not path then return nil, err, code end
  local folder, file = path:match "^(.*/)([^/]+)$"
  folder, err, code = empty.real(folder)
  if not folder then return nil, err, code end
  return ("sqlite:%s/%s"):format(folder == "/" and "" or folder, file)
end

-- Requests for a URL whose host is not understood would go to the region's own host, with the URL
-- among their parameters.
local function check_sqs(url)
  if url:match "^%a+://[^/]*@" or urls.hide(url):find("[hidden]@", 1, true) then
    return refuse(url, "a queue's URL has no user name or password: AWS's variables and profiles "
      .. "have the credentials")
  elseif url:find "[%c%s]" or not require "watchbot.aws.place".split(url:match "^[^?#]*") then
    return refuse(url, EXPECTED)
  end
  return true
end

--- Whether a URL can be a queue's; nothing is opened.
---@param url string
---@return true? ok
---@return string? err
---@return "Usage"? code
function queue.check(url)
  url = trimmed(url)
  local scheme = tostring(url):match "^(%a[%w+.-]*):" or ""
  local known = SCHEMES[scheme:lower()]
  if not known then return refuse(url, EXPECTED) end
  if scheme ~= scheme:lower() then
    return refuse(url, ("write '%s:' in lower case"):format(scheme:lower()))
  end
  if known == "sqs" then return check_sqs(url) end
  local path, err, code = queue.file(url)
  if not path then return nil, err, code end
  return true
end

---@class watchbot.QueueOptions
---@field create boolean? false: a queue file that is not there is an error; default true
---@field max_receives integer? receives after which a message goes to the dead letters, 10
---@field retention number? seconds after which a message is removed; default: never
---@field visibility number? seconds that a received message is out of sight when `receive` does not
--- say, 30
---@field on_expired fun(count: integer)? is told of messages that were removed by their age
---@field linger number? seconds that deletes and returns wait for others to share a call with;
---default: the queue's
---@field read_only boolean? only to look: counts and traffic of a file that may not be writable
---@field patience number? seconds that a file which another process has locked is waited for, 10

--- Opens a queue. Waits in a task.
---@param url string
---@param options watchbot.QueueOptions?
---@return table? queue
---@return string? err
---@return string? code "Usage" when the URL itself is wrong
function queue.open(url, options)
  url = trimmed(url)
  local ok, err, code = queue.check(url)
  if not ok then return nil, err, code end
  if url:match "^sqlite:" then
    return require "watchbot.queue.sqlite".open(url, queue.file(url), options or {})
  end
  return require "watchbot.queue.sqs".open(url, options or {})
end

return queue
