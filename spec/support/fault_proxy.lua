--- fault_proxy: runs spec/support/fault_proxy.py for specs. Everything here waits, so it must be in
-- a task.

local cjson = require "cjson"
local http = require "watchbot.http"
local server = require "support.server"

local fault_proxy = {}

local methods = {}
methods.__index = methods

-- Never through a proxy from the environment: this is one.
local function control(self, method, path, body)
  local response = assert(http.request {
    method = method, url = self.url .. "/-faults" .. path, body = body, direct = true,
  })
  local told = cjson.decode(response.body)
  if response.status ~= 200 then error(told, 3) end
  return told
end

--- Starts the proxy in front of the server at `upstream` ("http://127.0.0.1:4566").
---@param upstream string
---@return table proxy with `url`
function fault_proxy.start(upstream)
  local child = server.start("python3", "spec/support/fault_proxy.py", upstream)
  return setmetatable({ child = child, url = child.url, port = child.port }, methods)
end

--- Adds a rule, after the existing ones: the first that matches a call is applied to it.
--- fault_proxy.py describes the fields.
---@param rule table
function methods:add(rule) control(self, "POST", "/rules", cjson.encode(rule)) end

--- Removes all rules; the calls are kept.
function methods:remove_rules() control(self, "DELETE", "/rules") end

--- Removes all rules, and forgets all calls.
function methods:clear()
  self:remove_rules()
  self:forget()
end

--- Deletes the calls: each keeps all its bytes.
function methods:forget() control(self, "DELETE", "/log") end

-- What was null is nil.
local function without_null(calls)
  for _, call in ipairs(calls) do
    for name, value in pairs(call) do
      if value == cjson.null then call[name] = nil end
    end
  end
  return calls
end

--- The calls since the last `clear`, in their order: { operation, time, kind (of the fault),
--- request, applied (how often the server was asked), answers = {{ status, body }} (of the server),
--- status (that the client was given), over }. What is null is nil.
---@param operation string? only these
---@return table[]
function methods:log(operation)
  local found = {}
  for _, call in ipairs(without_null(control(self, "GET", "/log"))) do
    if not operation or call.operation == operation then found[#found + 1] = call end
  end
  return found
end

--- The finished calls in order: those to which a rule was applied, and the receives. Deletes these
--- and all other finished calls.
---@return table[]
function methods:take() return without_null(control(self, "DELETE", "/log/over")) end

function methods:close() self.child:close() end

return fault_proxy
