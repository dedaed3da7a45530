--- otlp.sender: sends the requests of one signal to its collector, one after another, and reports
-- the results. A collector that does not work only delays this task, and is logged once a minute.
-- https://opentelemetry.io/docs/specs/otlp/#otlphttp-response

local date = require "watchbot.lib.date"
local http = require "watchbot.http"
local json = require "watchbot.lib.json"
local own = require "watchbot.lib.own"
local place = require "watchbot.aws.place"
local scheduler = require "watchbot.scheduler"
local signed = require "watchbot.otlp.signed"
local text = require "watchbot.lib.text"
local version = require "watchbot.version"

-- Bytes of an answer, and of its text that is shown.
local LARGEST, SHOWN = 64 * 1024, 200

-- Seconds between two lines of the log, and until the next request after one that failed: twice as
-- long each time, at most the second; a server may ask for more, up to the third.
local APART, FIRST_PAUSE, LONGEST_PAUSE, LONGEST_WISH = 60, 1, 60, 600

-- How often a request is sent that may have arrived.
local TRIES = 3

-- Answers after which the same request may be sent again.
local LATER = { [429] = true, [502] = true, [503] = true, [504] = true }

---@class watchbot.OtlpSender
---@field dropped integer items that were not delivered, since the last line of the log
---@field pause number? seconds until the next request, after one that failed
local Sender = {}
Sender.__index = Sender

local sender = {}

-- Names are in lower case, so that none is sent twice; how the body is sent is not to be chosen.
local function headers_of(given)
  local headers = { ["user-agent"] = "watchbot/" .. version }
  for name, value in pairs(given) do headers[name:lower()] = value end
  headers["content-type"] = "application/json"
  for _, name in ipairs { "host", "content-length", "transfer-encoding", "content-encoding" } do
    headers[name] = nil
  end
  return headers
end

---@param target watchbot.OtlpTarget
---@param what string "spans"
---@param report fun(err: string, code: string?, dropped: integer) writes a line of the log
---@return watchbot.OtlpSender? sender
---@return string? err
---@return string? code
function sender.new(target, what, report)
  local signer, err, code = signed.of(target.url)
  if err then return nil, err, code end
  local name = place.split(target.url:match "^[^?#]*").name
  return own({
    target = target, what = what, report = report, signer = signer,
    headers = headers_of(target.headers),
    direct = place.is_loopback(name), dropped = 0, failures = 0, said = -math.huge,
  }, Sender)
end

-- what the collector says

-- Seconds that the server asks for, by a number or a date.
local function wish_of(response)
  local wish = response.headers["retry-after"]
  local at = wish and date.http(wish)
  local seconds = wish and (tonumber(wish:match "^%d+$") or at and at - scheduler.time() / 1000)
  return seconds and math.max(0, math.min(seconds, LONGEST_WISH))
end

local function shown(body)
  return text.line(text.cut(body, SHOWN))
end

-- How many items a successful response has refused, and why; or why the response is invalid.
local function refused_of(body)
  if body:find "%S" == nil then return 0 end
  local answer = json.decode(body, true)
  if type(answer) ~= "table" then return 0, "the answer is not JSON: " .. shown(body) end
  local partial = answer.partialSuccess
  if type(partial) ~= "table" then return 0 end
  local count = math.tointeger(tonumber(partial.rejectedSpans or partial.rejectedDataPoints)) or 0
  local err = type(partial.errorMessage) == "string" and partial.errorMessage or ""
  if count <= 0 and err == "" then return 0 end
  return math.max(0, count), ("the collector has refused %d: %s"):format(count, shown(err))
end

--- Sends once => true | nil err code wish
function Sender:post(body)
  local headers, problem, problem_code = self.headers, nil, nil
  if self.signer then headers, problem, problem_code = self.signer:headers(headers, body) end
  if not headers then return nil, problem, problem_code, 0 end
  local response, err, code = http.request {
    url = self.target.url, method = "POST", headers = headers, body = body, limit = LARGEST,
    timeout = self.target.timeout, connect_timeout = math.min(5, self.target.timeout),
    ca_file = self.target.ca_file, cert_file = self.target.cert_file,
    key_file = self.target.key_file, direct = self.direct, idempotent = true,
  }
  if not response then return nil, err, code end
  if response.status >= 200 and response.status <= 299 then return response end
  if response.status == 403 and self.signer then self.signer:refused() end
  return nil, ("%s answered %d: %s"):format(self.target.url:match "^[^?]*", response.status,
    shown(response.body)), "HTTP" .. response.status, LATER[response.status] and
    (wish_of(response) or 0)
end

-- its result

--- Counts items that could not be queued.
---@param count integer
function Sender:drop(count)
  self:lose(self.reason or ("%s are dropped: more than the collector takes"):format(self.what),
    self.reason and self.reason_code or "QueueFull", count)
end

--- Counts lost items; one log line a minute reports them.
---@param err string
---@param code string?
---@param dropped integer items
function Sender:lose(err, code, dropped)
  self.dropped = self.dropped + dropped
  self.trouble, self.trouble_code = err, code
  self:say()
end

--- Writes the line that is due.
---@param now boolean? also if the last one is younger than a minute
function Sender:say(now)
  if not self.trouble or not now and scheduler.now() - self.said < APART then return end
  self.said = scheduler.now()
  local err, code, dropped = self.trouble, self.trouble_code, self.dropped
  self.trouble, self.trouble_code, self.dropped = nil, nil, 0
  self.report(err, code, dropped)
end

-- Whether to repeat a request: nothing of it has arrived, or the collector asks for it, or it is
-- not known.
-- or it is not known.
function Sender:is_worth_another(code, wish)
  if wish or http.unsent[code] then return true end
  return not tostring(code):find "^HTTP" and self.failures < TRIES
end

function Sender:wait_after(wish)
  local pause = math.min(FIRST_PAUSE * 2 ^ (self.failures - 1), LONGEST_PAUSE)
  return math.max(wish or 0, pause * (0.5 + math.random() / 2))
end

--- Sends a request. Waits in a task, as long as its timeout says.
---@param body string
---@param count integer how many items are in it
---@return boolean done false: it is to be sent again, after `pause` seconds
---@return number? pause
function Sender:send(body, count)
  local response, err, code, wish = self:post(body)
  if response then
    self.failures, self.reason, self.reason_code = 0, nil, nil
    local refused, problem = refused_of(response.body)
    if problem then self:lose(problem, "PartialSuccess", refused) end
    return true
  end
  self.failures = self.failures + 1
  self.reason, self.reason_code = ("%s are not exported: %s"):format(self.what, err), code
  local again = self:is_worth_another(code, wish)
  self:lose(self.reason, code, again and 0 or count)
  if not again then
    self.failures = 0
    return true
  end
  return false, self:wait_after(wish)
end

return sender
