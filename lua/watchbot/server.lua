--- server: answers HTTP/1.1 on a port of this machine, or on a Unix socket.
--
--     local listening = assert(server.listen { port = 8080 })
--     server.serve(listening, function(request)
--       request:answer(200, { ["Content-Type"] = "text/plain" }, "hello\n")
--     end)
--
-- A request is handed out when all of it is there. Its task answers when it likes, at once or hours
-- later; meanwhile the others go on. What a client sends ahead waits for the answer before it.
-- What no task should see (an unclear length, a head that is too long) is answered by the server.
-- Sits on watchbot.core.server (src/server.h, src/request.h); there is no TLS.

local core = require "watchbot.core".server
local scheduler = require "watchbot.scheduler"
local suggest = require "watchbot.lib.suggest"

---@class watchbot.ListenOptions
---@field address string? numeric, `127.0.0.1` (the default) or `::1`; any other is reachable from
--- other machines
---@field port integer? default 0: one that the system chooses
---@field path string? instead of address and port: a Unix socket of this path, for this user alone.
--- A leftover one is replaced; `listening:close` removes it
---@field head integer? bytes of a request's head and trailers at most; default 16 KiB. More: 431
---@field body integer? bytes of its body at most; default 1 MiB. More: see `request:over`
---@field head_time number? seconds that the head may take from its first byte on; default 10
---@field body_time number? seconds that the body may take; default 60. A time of 0 is for ever
---@field idle_time number? seconds that a connection may be without a request; default 60
---@field write_time number? seconds in which a client takes nothing of its answer; default 60
---@field connections integer? at once; default 256. For one more, one without a request is
--- closed: the oldest that never had any, else the one idle longest, unless `idle_time` is 0
---@field user integer? a user id: connections of other users of this machine, but root, are
--- refused

---@class watchbot.Listening
---@field accept fun(self, seconds: number?): watchbot.ServerRequest?, string?, string? waits for
--- the next request; codes `Timeout`, `Closed`
---@field address fun(self): string, integer? where it listens: address and port, or the path
---@field connections fun(self): integer how many there are
---@field refused fun(self): integer, boolean how many connections of other users were refused;
--- whether the kernel could not say whose one was, so that it was let in
---@field quiesce fun(self) accepts no new connections; running requests are answered, and closed
---@field close fun(self) breaks all connections

---@class watchbot.ServerRequest
---@field method fun(self): string
---@field target fun(self): string the path with its query, as the client has sent it
---@field header fun(self, name: string): string? the first of this name, in any case of letters
---@field headers fun(self): string[][] `{ { name, value } ... }`, as they were sent
---@field trailers fun(self): string[][] what came behind a body in chunks
---@field body fun(self): string any bytes; until it is answered
---@field over fun(self): boolean the body is larger than the limit and was not read: answer 413
---@field gone fun(self): boolean the client has closed its side, or the connection is broken
---@field wait_gone fun(self, seconds: number?): boolean waits for that
---@field answer fun(self, status: integer, headers: table<string, string>?, body: string?) whole
--- answer; the server writes `Content-Length`, `Date` and `Connection`
---@field begin fun(self, status: integer, headers: table<string, string>?) begins an answer in
--- pieces
---@field send fun(self, bytes: string): true?, string?, string? waits while the client is slow;
--- code `Gone`
---@field finish fun(self) ends an answer in pieces

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

--- Listens. Waits for nothing: connections are accepted while the loop turns.
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

-- One request in its task: it is answered whatever happens in there.
local function run(handler, request, failed)
  local ok, err = xpcall(handler, debug.traceback, request)
  if ok then return end
  pcall(request.answer, request, 500, { ["Content-Type"] = "text/plain" },
    "internal server error\n")
  failed(err)
end

--- Hands each request to a separate task, until the server is closed. Waits in a task.
---@param listening watchbot.Listening
---@param handler fun(request: watchbot.ServerRequest)
---@param failed fun(err: string)? hears of errors in the handler, whose requests are answered with
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
