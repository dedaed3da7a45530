-- The HTTP server of watchbot.server compared with nginx: requests a second for a text of the same
-- size, one core each, wrk on the other. nginx serves a static file, watchbot answers from a Lua
-- task.

local process = require "watchbot.process"

local SIZE, SECONDS, CONNECTIONS = 128, 3, 32

local SERVER = [[
local server, scheduler = require "watchbot.server", require "watchbot.scheduler"
scheduler.run(function()
  local listening = assert(server.listen { connections = 1000 })
  local _, port = listening:address()
  local file = assert(io.open("port", "w"))
  file:write(port)
  file:close()
  local body = ("x"):rep(%d)
  local headers = { ["Content-Type"] = "text/plain" }
  server.serve(listening, function(request) request:answer(200, headers, body) end)
end)
]]

-- nginx does not choose a port itself.
local NGINX = [[
daemon off; master_process off; pid nginx.pid; error_log stderr error;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000000; default_type text/plain;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server { listen 127.0.0.1:%d; root %s; }
}
]]

local function free_port()
  local listening = assert(require "watchbot.server".listen {})
  local _, port = listening:address()
  listening:close()
  return port
end

local function number_of(text, pattern)
  return assert(tonumber(text:match(pattern)), "wrk has not said how many: " .. text)
end

-- Requests a second to a server that listens at a port, and per second of its CPU time, the figure
-- that counts where wrk is the bottleneck.
local function load(bench, port, child)
  local url = ("http://127.0.0.1:%d/file.txt"):format(port)
  bench.wait_for("the server", 10, function()
    return (require "watchbot.http".request { url = url, direct = true } or {}).status == 200
  end)
  local before = bench.cpu(child:pid())
  local _, out = bench.run({
    "wrk", "-t1", "-c" .. CONNECTIONS, "-d" .. SECONDS, "--latency", url,
  }, { pin = bench.pin_server })
  assert(not out:find "Non%-2xx", out)
  local cpu = bench.cpu(child:pid()) - before
  child:kill "TERM"
  child:wait()
  return number_of(out, "Requests/sec:%s+([%d.]+)"), number_of(out, "(%d+) requests in") / cpu
end

local function watchbot(bench)
  os.remove(bench.folder .. "/port")
  local environment, lua = process.environment(), bench.here .. "/../../lua/"
  environment.LUA_PATH = lua .. "?.lua;" .. lua .. "?/init.lua"
  environment.LUA_CPATH = bench.build .. "/lib/?.so"
  local script = bench.write("server.lua", SERVER:format(SIZE))
  local child = bench.start({ "lua5.4", script }, { env = environment, log = "log" })
  local port = bench.wait_for("the server's port", 10, function()
    local file = io.open(bench.folder .. "/port")
    local number = file and file:read "n"
    if file then file:close() end
    return number
  end)
  return load(bench, port, child)
end

local function nginx(bench)
  local port = free_port()
  local path = bench.write("nginx.conf", NGINX:format(port, bench.folder))
  local child = bench.start({ "nginx", "-p", bench.folder, "-c", path }, { log = "log" })
  return load(bench, port, child)
end

return function(bench)
  for _, name in ipairs { "wrk", "nginx" } do
    if not os.execute("command -v " .. name .. " >/dev/null") then
      return bench.report("the listener: not measured, for there is no %s", name)
    end
  end
  bench.write("file.txt", ("x"):rep(SIZE))
  local by_cpu = { {}, {} }
  local function rate_of(serve, list)
    local rate, each = serve(bench)
    list[#list + 1] = each
    return rate
  end
  local ours, theirs, ratio = bench.pairs(function() return rate_of(watchbot, by_cpu[1]) end,
    function() return rate_of(nginx, by_cpu[2]) end)
  local own, other = bench.median(by_cpu[1]), bench.median(by_cpu[2])
  bench.report("the listener: %.0f requests/s, nginx with a static file: %.0f; ratio %.2f (at "
    .. "least 0.25); a second of their own CPU %.0f and %.0f: %.2f", ours, theirs, ratio, own,
    other, own / other)
end
