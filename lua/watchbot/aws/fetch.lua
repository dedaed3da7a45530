--- fetch: asks a metadata service a few times, with short timeouts. Sits on watchbot.http. The
-- service either responds at once or does not exist, so the timeouts are short. Without TLS it is
-- on this machine or its link, so no proxy is used, which could not reach it and should not see the
-- token.

local scheduler = require "watchbot.scheduler"

local PAUSE = 0.1
local LIMIT = 64 * 1024

-- Seconds between the attempts: doubled each time, half of it random.
local function pause(try)
  scheduler.sleep(PAUSE * 2 ^ (try - 1) * (0.5 + math.random() / 2))
end

local function worth_another(response)
  return not response or response.status >= 500 or response.status == 429
end

--- Makes the request until it gets a response, at most `tries` times. Must be called in a task.
---@param request fun(request: table): table?, string?, string?
---@param query { method: string?, url: string, headers: table?, timeout: number } timeout in
--- seconds
---@param tries integer
---@return table? response of any HTTP status
---@return string? err
---@return string? code
local function fetch(request, query, tries)
  local whole = { method = query.method or "GET", url = query.url, headers = query.headers,
    connect_timeout = query.timeout,
    timeout = query.timeout, limit = LIMIT,
    direct = query.url:find "^http:" ~= nil }
  local response, err, code
  for try = 1, tries do
    response, err, code = request(whole)
    if not worth_another(response) then break end
    if try < tries then pause(try) end
  end
  return response, err, code
end

return fetch
