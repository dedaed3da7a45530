--- server: an HTTP/1.1 server on a port of this machine, or on a Unix socket.
--
--     local listening = assert(server.listen { port = 8080 })
--     server.serve(listening, function(request)
--       request:answer(200, { ["Content-Type"] = "text/plain" }, "hello\n")
--     end)
--
-- A request is passed on when it is complete. Its task responds at any time, at once or hours
-- later; the others continue meanwhile. Requests that a client sends ahead wait for the response to
-- the one before. The server itself responds to requests that no task should see (an ambiguous
-- length, a head that is too long). Sits on watchbot.core.server (src/server.h, src/request.h);
-- there is no TLS.

local core = require "watchbot.core".server
local scheduler = require "watchbot.scheduler"
local suggest = require "watchbot.lib.suggest"

---@class watchbot.ListenOptions
---@field address string? numeric, `127.0.0.1` (the default) or `::1`; other machines can reach any
--- other address
---@field port integer? default 0: chosen by the system
---@field path string? instead of address and port: the path of a Unix socket, for this user only. A
--- leftover socket is replaced; `listening:close` removes it
---@field head integer? the most bytes of a request's head and trailers; default 16 KiB. Beyond
--- that: 431
---@field body integer? the most bytes of its body; default 1 MiB. Beyond that: see `request:over`
---@field head_time number? seconds for the head, from its first byte; default 10
---@field body_time number? seconds for the body; default 60. 0 means no limit
---@field idle_time number? seconds that a connection may be without a request; default 60
---@field write_time number? seconds in which a client may read nothing of its response; default 60
---@field connections integer? the most connections at once; default 256. For a new one beyond that,
--- one without a request is closed: the oldest that never had any, otherwise the one idle longest,
--- unless `idle_time` is 0
---@field user integer? a user id: connections of other users of this machine, except root, are
--- refused

---@class watchbot.Listening
---@field accept fun(self, seconds: number?): watchbot.ServerRequest?, string?, string? waits for
--- the next request; codes `Timeout`, `Closed`
---@field address fun(self): string, integer? where it listens: address and port, or the path
---@field connections fun(self): integer the number of connections
---@field refused fun(self): integer, boolean how many connections of other users were refused;
--- whether the kernel could not report the user of a connection, which was then accepted
---@field quiesce fun(self) accepts no new connections; connections are closed after their running
--- request
---@field close fun(self) breaks all connections

---@class watchbot.ServerRequest
---@field method fun(self): string
---@field target fun(self): string the path with its query, as sent
---@field header fun(self, name: string): string? the first of this name, in any case of letters
---@field headers fun(self): string[][] `{ { name, value } ... }`, as sent
---@field trailers fun(self): string[][] the trailers after a chunked body
---@field body fun(self): string any bytes; available until the response
---@field over fun(self): boolean the body is larger than the limit and was not read: answer 413
---@field gone fun(self): boolean the client has closed its side, or the connection is broken
---@field wait_gone fun(self, seconds: number?): boolean waits until `gone` is true
---@field answer fun(self, status: integer, headers: table<string, string>?, body: string?) a whole
--- response; the server writes `Content-Length`, `Date` and `Connection`
---@field begin fun(self, status: integer, headers: table<string, string>?) starts a response in
--- pieces
---@field send fun(self, bytes: string): true?, string?, string? waits while the client is slow;
--- code `Gone`
---@field finish fun(self) ends a response in pieces

local server = {}

local defaults = {
  address = "127.0.0.1", port = 0, head = 16 * 1024, body = 1024 * 1024, head_time = 10,
  body_time = 60, idle_time = 60, write_time = 60, connections = 256,
}

local names = { "path", "user" }
for name in pairs(defaults) do names[#names + 1] = name end

local function check_names(options)
  if type(options) ~= "table" then
    error("listen: expected a table, got a " .. type(options), 3)
  end
  for name in pairs(options) do
    if defaults[name] == nil and name ~= "path" and name ~= "user" then
      error(("listen: unknown option '%s'%s"):format(tostring(name),
        suggest.hint(name, names)), 3)
    end
  end
end

--- Listens. Does not wait: connections are accepted while the loop runs.
---@param options watchbot.ListenOptions
---@return watchbot.Listening?
---@return string? err
---@return string? code an errno: `EADDRINUSE`, `EACCES`
function server.listen(options)
  check_names(options)
  return core.listen(setmetatable({}, {
    __index = function(_, name)
      local value = options[name]
      if value == nil then return defaults[name] end
      return value
    end,
  }))
end

-- Handles one request in its task: it gets a response whatever fails.
local function run(handler, request, failed)
  local ok, err = xpcall(handler, debug.traceback, request)
  if ok then return end
  pcall(request.answer, request, 500, { ["Content-Type"] = "text/plain" },
    "internal server error\n")
  failed(err)
end

--- Passes each request to a separate task, until the server is closed. Waits in a task.
---@param listening watchbot.Listening
---@param handler fun(request: watchbot.ServerRequest)
---@param failed fun(err: string)? called with errors of the handler, whose requests get the status
--- 500; default: the error of a task (see watchbot.scheduler)
function server.serve(listening, handler, failed)
  failed = failed or function(err) error(err, 0) end
  while true do
    local request, err, code = listening:accept()
    if not request and code == "Closed" then return end
    if not request then error(err) end
    scheduler.spawn(run, handler, request, failed)
  end
end

return server
