--- cli.message: `watchbot message`, for a task: its message, wherever that is.

local http = require "watchbot.http"
local opened = require "watchbot.lib.opened"
local output = require "watchbot.cli.output"
local scheduler = require "watchbot.scheduler"

-- Attempts to get a URL, the seconds before the second one, and the seconds of each.
local TRIES, PAUSE, TIMEOUT = 4, 0.5, 60

-- Bytes of a message in S3.
local LARGEST = 64 << 20

local command = {
  summary = "Writes the message of the task that calls it to a file, or to standard output.",
  usage = "[FILE]",
  options = {},
  details = [[
For tasks: the message may be in $Message, in the file $MessageFile, or in S3 ($MessageUrl, and
$MessageBucket with $MessageKey once the URL has expired). It is written unchanged, without a
newline at its end.

Exit status: 0, or 1 if the message cannot be fetched.

examples:
  watchbot message | jq .
  watchbot message /tmp/message.json]],
}

local function passes(status)
  return status == 429 or status >= 500
end

-- => body | nil err code
local function fetch(url)
  local err, code
  for try = 1, TRIES do
    local response, problem, why = http.request { url = url, timeout = TIMEOUT, limit = LARGEST }
    if response and response.status == 200 then return response.body end
    -- The URL bears a signature: it is not shown.
    err = "$MessageUrl: "
      .. (problem or ("the server answered with status %d"):format(response.status))
    code = why or "Http" .. response.status
    if response and not passes(response.status) or try == TRIES then break end
    scheduler.sleep(PAUSE * 2 ^ (try - 1))
  end
  return nil, err, code
end

-- By the credentials of the task's own role.
local function fetch_signed(bucket, key)
  local s3, err, code = require "watchbot.aws"("s3")
  if not s3 then return nil, err, code end
  local done
  done, err, code = s3:GetObject { Bucket = bucket, Key = key }
  return done and done.Body, err, code
end

-- The URL first: it needs no permission. An expired one is refused with 403.
local function of_s3()
  local url, bucket, key = os.getenv "MessageUrl", os.getenv "MessageBucket", os.getenv "MessageKey"
  local body, err, code
  if url then body, err, code = fetch(url) end
  if body or not (bucket and key) then return body, err, code end
  local problem
  body, problem, code = fetch_signed(bucket, key)
  return body, err and ("%s; s3://%s/%s: %s"):format(err, bucket, key, problem) or problem, code
end

local function of_file(path)
  local file, err = opened(path)
  if not file then return nil, err, "ReadFailed" end
  local body, problem = file:read "a"
  file:close()
  return body, problem and ("'%s': %s"):format(path, problem:lower()), "ReadFailed"
end

local function read()
  if os.getenv "MessageUrl" or os.getenv "MessageKey" then return of_s3() end
  if os.getenv "MessageFile" then return of_file(os.getenv "MessageFile") end
  local body = os.getenv "Message"
  if body then return body end
  return nil, "none of $Message, $MessageFile, $MessageUrl is set: it is for tasks of a watcher",
    "Usage"
end

local function write(path, body)
  if not path then
    local ok, err, code = output.bytes(body)
    if ok then ok, err, code = output.flush() end
    return ok, err, code
  end
  local file, err = opened(path, "wb")
  if not file then return nil, err, "WriteFailed" end
  local ok, problem = file:write(body)
  local closed, why = file:close()
  if ok and closed then return true end
  return nil, ("'%s': %s"):format(path, (problem or why):lower()), "WriteFailed"
end

local function copy(path)
  local body, err, code = read()
  if not body then return nil, "message: " .. err, code end
  local ok
  ok, err, code = write(path, body)
  if not ok then return nil, "message: " .. err, code end
  return 0
end

function command.run(arguments)
  if #arguments.words > 1 then
    return nil, ("message: expected at most one file, got %d"):format(#arguments.words), "Usage"
  end
  return scheduler.run(copy, arguments.words[1])
end

return command
