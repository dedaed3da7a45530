--- queue: opens the queue at a URL. The interface: both kinds of queue have receive, delete, delay,
-- extend, send and counts, and a watcher treats them the same way.

local empty = require "watchbot.core".empty
local name = require "watchbot.queue.sqlite.name"
local urls = require "watchbot.lib.urls"

---@class watchbot.QueueModule
local queue = {}

local SCHEMES = { sqlite = "sqlite", https = "sqs", http = "sqs" }

local EXPECTED = "expected sqlite:FILE or https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"

local function refuse(url, why)
  return nil, ("queue '%s': %s"):format(urls.value(tostring(url)), why), "Usage"
end

-- A URL from a file or a variable often ends with a newline.
local function trimmed(url)
  return type(url) == "string" and url:gsub("[\r\n]+$", "") or url
end

--- The file in the URL of an embedded queue.
---@param url string `sqlite:FILE`, `sqlite:FILE?prefix=PREFIX`
---@return string? path
---@return string? prefix of the queue's tables in another program's database; or err
---@return "Usage"? code
function queue.file(url)
  local rest = tostring(trimmed(url)):match "^sqlite:(.*)$"
  if not rest then return refuse(url, "expected sqlite:FILE") end
  local path, prefix = name.path(rest)
  if not path then return refuse(url, prefix) end
  return path, prefix
end

--- The URL of the same queue with an absolute path, which can be opened from any folder.
---@param url string `sqlite:FILE`
---@return string? url
---@return string? err
---@return string? code "Usage", or an errno name if the file's folder does not exist
function queue.absolute(url)
  local path, prefix, code = queue.file(url)
  if not path then return nil, prefix, code end
  local given, file = path:match "^(.*/)([^/]+)$"
  local folder, err
  folder, err, code = empty.real(given)
  if not folder then return nil, err, code end
  return ("sqlite:%s/%s%s"):format(folder == "/" and "" or folder, file,
    prefix and "?prefix=" .. prefix or "")
end

-- Requests for a URL whose host is not understood would go to the region's own host, with the URL
-- among their parameters.
local function check_sqs(url)
  if url:match "^%a+://[^/]*@" or urls.hide(url):find("[hidden]@", 1, true) then
    return refuse(url, "a queue's URL has no user name or password: AWS's variables and profiles "
      .. "have the credentials")
  end
  local split = not url:find "[%c%s]" and require "watchbot.aws.place".split(url:match "^[^?#]*")
  if not split then return refuse(url, EXPECTED) end
  if split.name:find "console%.aws" then
    return refuse(url, "that is a page of the AWS console; the queue's URL is shown there")
  elseif url:find "[?#]" then
    return refuse(url, "a queue's URL has no '?' and no '#'")
  elseif require "watchbot.aws.endpoint".is_aws(split.name)
    and not split.path:find "^/[^/]+/[^/]+/*$" then
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
---@field create boolean? false: a queue file that does not exist is an error; default true
---@field max_receives integer? receives after which a message goes to the dead-letter queue, 10
---@field retention number? seconds after which a message is removed; default: never
---@field visibility number? visibility timeout in seconds, unless `receive` sets one, 30
---@field on_expired fun(count: integer)? called with the number of messages that were removed
--- because of their age
---@field linger number? seconds that deletes and returns wait for others to share a call with;
--- default: the queue's
---@field overflow string? "s3://bucket/folder": what SQS does not take as a message is sent as a
--- pointer to an object in it
---@field read_only boolean? only read: counts and traffic of a file that may not be writable
---@field patience number? seconds to wait for a file that another process has locked, 10

local function open_sqs(url, options)
  local all = {}
  for option, value in pairs(options) do all[option] = value end
  if options.overflow then
    local err, code
    all.overflow, err, code = require "watchbot.overflow".open(options.overflow, {
      near = url, warn = options.warn,
    })
    if not all.overflow then return nil, "overflow: " .. err, code end
  end
  return require "watchbot.queue.sqs".open(url, all)
end

--- Opens a queue. Waits in a task.
---@param url string
---@param options watchbot.QueueOptions?
---@return table? queue
---@return string? err
---@return string? code "Usage" if the URL itself is wrong
function queue.open(url, options)
  url = trimmed(url)
  local ok, err, code = queue.check(url)
  if not ok then return nil, err, code end
  if url:match "^sqlite:" then
    local path, prefix = queue.file(url)
    return require "watchbot.queue.sqlite".open(url, path, options or {}, prefix)
  end
  return open_sqs(url:gsub("/+$", ""), options or {})
end

return queue
