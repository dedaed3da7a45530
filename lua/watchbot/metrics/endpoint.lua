--- metrics.endpoint: the policy's `listen`: a server for /metrics, /healthz and /readyz, on an
-- address or a Unix socket. Its responses contain no text of messages, no group and no secret, so
-- any address may be used. /healthz has no conditions: a response shows that the loop runs. With
-- the policy's `console`, what is below /console is the console's, which guards itself.

local address = require "watchbot.lib.address"
local prometheus = require "watchbot.metrics.prometheus"
local server = require "watchbot.server"

-- Readers are few: a Prometheus or two, a load balancer. Requests have no body.
local LIMITS = { head = 8 * 1024, body = 0, idle_time = 120, connections = 64 }

-- The console has forms, and pages that are kept up to date.
local OF_CONSOLE = {
  head = 16 * 1024, body = 1024 * 1024, body_time = 20, write_time = 20, connections = 192,
}

---@class watchbot.EndpointParts
---@field metrics watchbot.Metrics
---@field readiness watchbot.Readiness
---@field console { answer: fun(self, request: watchbot.ServerRequest) }?
---@field supervise fun(name: string, body: function, ...): table

---@class watchbot.Endpoint
---@field listen string the policy's field
---@field port integer? what was asked for
---@field where string where it listens, with the port that the system has chosen
local Endpoint = {}
Endpoint.__index = Endpoint

local endpoint = {}

local PLAIN = "text/plain; charset=utf-8"

local function respond(request, status, kind, body, more)
  local headers = { ["Content-Type"] = kind, ["Cache-Control"] = "no-store" }
  for name, value in pairs(more or {}) do headers[name] = value end
  request:answer(status, headers, body)
end

local function answer_metrics(parts, request)
  local open = prometheus.wants_open(request:header "Accept")
  local text = prometheus.text(parts.metrics:snapshot(), open)
  respond(request, 200, open and prometheus.OPEN or prometheus.TEXT, text, { Vary = "Accept" })
end

local routes = {
  ["/metrics"] = answer_metrics,
  ["/healthz"] = function(_, request) respond(request, 200, PLAIN, "alive\n") end,
  ["/readyz"] = function(parts, request)
    local ready, why = parts.readiness:is_ready()
    respond(request, ready and 200 or 503, PLAIN, ready and "ready\n" or
      ("not ready: %s\n"):format(why))
  end,
}

local function is_of_console(parts, request)
  local path = request:target():match "^[^?]*"
  return parts.console and (path == "/console" or path:find "^/console/" ~= nil)
end

local function answer(parts, request)
  if is_of_console(parts, request) then return parts.console:answer(request) end
  local route = routes[request:target():match "^[^?]*"]
  if not route then
    return respond(request, 404, PLAIN, "not found; there are /metrics, /healthz and /readyz\n")
  elseif request:method() ~= "GET" and request:method() ~= "HEAD" then
    return respond(request, 405, PLAIN, "only GET and HEAD\n", { Allow = "GET, HEAD" })
  elseif request:over() or #request:body() > 0 then
    return respond(request, 413, PLAIN, "a request has no body here\n")
  end
  route(parts, request)
end

--- Listens without answering yet. Waits for nothing.
---@param listen string
---@param console boolean? it also has the pages of a console
---@return watchbot.Endpoint?
---@return string? err
---@return string? code an errno
---@return integer? port the port that was not available
function endpoint.open(listen, console)
  local options, problem = address.parse(listen)
  if not options then return nil, ("policy field 'listen': %s"):format(problem), "Usage" end
  for name, value in pairs(LIMITS) do options[name] = value end
  for name, value in pairs(console and OF_CONSOLE or {}) do options[name] = value end
  local listening, err, code = server.listen(options)
  if not listening then
    return nil, ("%s (policy field 'listen')"):format(err), code, options.port
  end
  return setmetatable({
    listen = listen, listening = listening, port = options.port, console = console,
    where = address.text(listening:address()),
  }, Endpoint)
end

--- Answers until `close`, in a task.
---@param parts watchbot.EndpointParts
function Endpoint:serve(parts)
  self.task = parts.supervise("listen", server.serve, self.listening, function(request)
    answer(parts, request)
  end)
end

--- The port that it has; nil on a Unix socket.
---@return integer?
function Endpoint:bound()
  return select(2, self.listening:address())
end

--- Ends all connections; a Unix socket is removed.
function Endpoint:close()
  self.listening:close()
end

return endpoint
