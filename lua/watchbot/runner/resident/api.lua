--- runner.resident.api: AWS's Lambda Runtime API for one runtime, on a separate port.
-- https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
-- Unmodified runtime clients use it: TCP on 127.0.0.1, several connections, any of which may break.
-- A POST gets its response before anything else happens, because Node's client blocks until then.

local base64 = require "watchbot.lib.base64"
local json = require "watchbot.lib.json"
local limits = require "watchbot.lib.limits"
local scheduler = require "watchbot.scheduler"
local server = require "watchbot.server"

-- The largest response of a function: 6 MiB and 100 bytes, as on AWS.
local LARGEST_ANSWER = limits.lambda.payload + 100

-- The most bytes of a request's head: Python, Go and Node send an X-Ray cause of up to 1 MiB in a
-- header.
local LARGEST_HEAD = 1024 * 1024 + 64 * 1024

-- A runtime has a few connections.
local CONNECTIONS = 64

local JSON = { ["Content-Type"] = "application/json" }

---@class watchbot.RuntimeApi
---@field listening watchbot.Listening
---@field parked watchbot.ServerRequest[] without a response: closed with their connections
---@field runtime table hears: asked(request), answered(id, body), failed(id, body, kind),
--- init_failed(body, kind); knows: verdict_on(id, nonce)
local Api = {}
Api.__index = Api

local api = {}

local function tell(request, status, kind, message)
  request:answer(status, JSON, json.encode { errorType = kind, errorMessage = message })
end

local function accept(request)
  request:answer(202, JSON, '{"status":"OK"}')
end

-- Requests of a runtime.

local function next_invocation(self, request)
  self.runtime:asked(request)
end

-- An error after a streamed response, in its trailers: the status 202 was sent before. The body is
-- base64.
local function error_of_trailers(request)
  local kind, body
  for _, trailer in ipairs(request:trailers()) do
    local name = trailer[1]:lower()
    if name == "lambda-runtime-function-error-type" and trailer[2] ~= "" then kind = trailer[2] end
    if name == "lambda-runtime-function-error-body" then body = base64.decode(trailer[2]) end
  end
  return kind, body
end

-- Whether the invocation accepts a response; if not, the runtime gets the reason.
local function may_answer(self, request, id)
  local status, kind, message =
    self.runtime:refuses(id, request:header "Lambda-Runtime-Invocation-Id")
  if not status then return true end
  tell(request, status, kind, message)
  return false
end

local TOO_LARGE = json.encode {
  errorType = "Function.ResponseSizeTooLarge",
  errorMessage = ("the response is larger than %d bytes"):format(LARGEST_ANSWER),
}

local function response(self, request, id)
  if not may_answer(self, request, id) then return end
  if request:over() then
    tell(request, 413, "RequestEntityTooLarge", "the response is too large")
    return self.runtime:failed(id, TOO_LARGE)
  end
  local kind, told = error_of_trailers(request)
  local body = request:body()
  accept(request)
  if kind then return self.runtime:failed(id, told or "", kind) end
  self.runtime:answered(id, body)
end

local function failure(self, request, id)
  if not may_answer(self, request, id) then return end
  local kind = request:header "Lambda-Runtime-Function-Error-Type"
  if request:over() then
    tell(request, 413, "RequestEntityTooLarge", "the error is too large")
    return self.runtime:failed(id, "", kind)
  end
  local body = request:body()
  accept(request)
  self.runtime:failed(id, body, kind)
end

local function init_error(self, request)
  if not self.runtime:is_starting() then
    return tell(request, 403, "InvalidStateTransition", "the runtime has started")
  end
  local kind, body = request:header "Lambda-Runtime-Function-Error-Type", ""
  if not request:over() then body = request:body() end
  accept(request)
  self.runtime:init_failed(body, kind)
end

-- Go registers an extension without events so that SIGTERM reaches it, and its next call waits
-- forever: it gets no response, and is closed with the connection.
local function register(_, request)
  request:answer(200, {
    ["Content-Type"] = "application/json",
    ["Lambda-Extension-Identifier"] = "00000000-0000-4000-8000-000000000000",
  }, "{}")
end

local function park(self, request)
  self.parked[#self.parked + 1] = request
end

local function pong(_, request) request:answer(200, nil, "pong") end

local function take(_, request) accept(request) end

local routes = {
  ["/2018-06-01/runtime/invocation/next"] = { "GET", next_invocation },
  ["/2018-06-01/runtime/init/error"] = { "POST", init_error },
  ["/2018-06-01/ping"] = { "GET", pong },
  ["/2020-01-01/extension/register"] = { "POST", register },
  ["/2020-01-01/extension/event/next"] = { "GET", park },
  ["/2022-07-01/telemetry"] = { "PUT", take },
  ["/2020-08-15/logs"] = { "PUT", take },
}

-- Responses and errors of an invocation: its id follows this in the path.
local INVOCATION = "/2018-06-01/runtime/invocation/"
local of_invocation = { response = { "POST", response }, error = { "POST", failure } }

-- Most targets are a plain path.
local function path_of(request)
  local target = request:target()
  if target:byte() == 0x2F and not target:find("?", 1, true) then return target end
  return (target:gsub("^https?://[^/]*", ""):gsub("%?.*$", ""))
end

-- => route id ; nil: there is no such invocation's path
local function find_invocation(path)
  local first = #INVOCATION + 1
  local slash = path:sub(1, first - 1) == INVOCATION and path:find("/", first, true)
  if not slash or slash == first then return nil end
  return of_invocation[path:sub(slash + 1)], path:sub(first, slash - 1)
end

local function route(self, request)
  local path, method = path_of(request), request:method()
  local found, id = find_invocation(path)
  found = found or routes[path]
  if not found then return tell(request, 404, "NotFound", path) end
  if found[1] ~= method then return tell(request, 405, "MethodNotAllowed", method) end
  return found[2](self, request, id)
end

-- No route waits, so requests need no separate tasks.
local function serve(self)
  while true do
    local request, err, code = self.listening:accept()
    if not request and code == "Closed" then return end
    if not request then return self.runtime:broken(err) end
    local ok, problem = xpcall(route, debug.traceback, self, request)
    if not ok then
      pcall(request.answer, request, 500)
      self.runtime:broken(problem)
    end
  end
end

--- Opens the API for a runtime.
---@param runtime table
---@param user integer? the user whose connections are accepted, besides root's; nil: any user
---@param port integer? default: chosen by the system
---@return watchbot.RuntimeApi?
---@return string? err
---@return string? code
function api.open(runtime, user, port)
  local listening, err, code = server.listen {
    head = LARGEST_HEAD, body = LARGEST_ANSWER, head_time = 0, body_time = 0, idle_time = 0,
    write_time = 0, connections = CONNECTIONS, user = user, port = port,
  }
  if not listening then return nil, err, code end
  local self = setmetatable({ listening = listening, runtime = runtime, parked = {} }, Api)
  scheduler.spawn(serve, self)
  return self
end

--- The value of AWS_LAMBDA_RUNTIME_API.
---@return string
function Api:address()
  local address, port = self.listening:address()
  return ("%s:%d"):format(address, port)
end

function Api:close()
  self.listening:close()
end

return api
