-- What a watcher that listens shows of itself, by the real program: an address, metrics, whether it
-- is alive and ready.
local http = require "watchbot.http"
local process = require "watchbot.process"
local shell = require "support.shell"
local workshop = require "support.workshop"

local task = workshop.task

local function policy(folder, lines)
  folder:write("policy.lua", ([[
return require "watchbot".policy { queue = "sqlite:jobs.db", handler = function(job)
  if job.message:match "^bad" then error "a secret of the message" end
end, backoff = function() return 600 end, %s }]]):format(lines or ""))
end

-- The program, and the address that it says.
local function start(folder, ...)
  local child = workshop.start(folder, { "run", "--log", "json", ... })
  local address = workshop.eventually(function()
    return child:output():match '"event":"listening","address":"([^"]+)"'
  end, "it listens")
  return child, address
end

local function stop(child)
  child:kill "TERM"
  local exit = assert(child:wait(workshop.PATIENCE))
  assert.are.equal(0, exit.code, (child:output()))
end

local function get(address, path, more)
  local request = { url = "http://" .. address .. path, direct = true }
  for name, value in pairs(more or {}) do request[name] = value end
  return http.request(request)
end

local function value(address, series)
  local text = assert(get(address, "/metrics")).body
  return tonumber(("\n" .. text):match("\n" .. series:gsub("%p", "%%%0") .. " (%S+)\n"))
end

describe("a watcher that listens", function()
  it("answers GET and HEAD of three paths, and nothing else", task(function(folder)
    policy(folder)
    local child, address = start(folder, "--listen", "127.0.0.1:0", "policy.lua")
    assert.are.equal("alive\n", assert(get(address, "/healthz?x=1")).body)
    workshop.eventually(function() return assert(get(address, "/readyz")).status == 200 end,
      "it is ready")
    local metrics = assert(get(address, "/metrics"))
    assert.are.equal("text/plain; version=0.0.4; charset=utf-8",
      metrics.headers["content-type"])
    metrics = assert(get(address, "/metrics", {
      headers = { Accept = "application/openmetrics-text;version=1.0.0" },
    }))
    assert.matches("^application/openmetrics%-text; version=1%.0%.0",
      metrics.headers["content-type"])
    assert.matches("\n# EOF\n$", metrics.body)
    assert.are.equal("", assert(get(address, "/metrics", { method = "HEAD" })).body)
    for path, status in pairs { ["/"] = 404, ["/metrics/"] = 404, ["/healthz/../metrics"] = 404 } do
      assert.are.equal(status, assert(get(address, path)).status, path)
    end
    for _, method in ipairs { "POST", "DELETE", "OPTIONS" } do
      local refused = assert(get(address, "/metrics", { method = method }))
      assert.are.equal(405, refused.status, method)
      assert.are.equal("GET, HEAD", refused.headers.allow)
    end
    assert.are.equal(413, assert(get(address, "/healthz", { body = "x" })).status)
    stop(child)
  end))

  it("counts what becomes of messages, and shows nothing that they say", task(function(folder)
    policy(folder)
    workshop.send(folder, { "good-text", "bad-text", "good-text" }, "--subject", "subject-text")
    local child, address = start(folder, "--listen", "127.0.0.1:0", "policy.lua")
    workshop.eventually(function()
      return value(address, 'watchbot_jobs_total{outcome="complete"}') == 2
        and value(address, 'watchbot_jobs_total{outcome="retry"}') == 1
    end, "the jobs are counted")
    assert.are.equal(3, value(address, "watchbot_messages_received_total"))
    assert.are.equal(3, value(address, "watchbot_job_run_seconds_count"))
    assert.are.equal(1, value(address, "watchbot_slots_free"))
    assert.is_true(value(address, "watchbot_log_bytes_total") > 0)
    local text = assert(get(address, "/metrics")).body
    for _, word in ipairs { "good%-text", "bad%-text", "subject%-text", "secret" } do
      assert.is_nil(text:find(word), word)
    end
    stop(child)
  end))

  it("answers on a Unix socket of its user, which is gone at its end", task(function(folder)
    policy(folder, ("listen = %q"):format(folder:file "socket"))
    local child, address = start(folder, "policy.lua")
    assert.are.equal(folder:file "socket", address)
    assert.are.equal("600\n", (shell.run("stat -c %a " .. address)))
    local asked = assert(process.start {
      argv = { "python3", "spec/support/raw_http.py", address }, env = process.environment(),
      stdin = '[["GET /healthz HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n"]]',
      output = "capture",
    })
    assert(asked:wait(workshop.PATIENCE))
    assert.matches("200 OK", (asked:output()))
    stop(child)
    assert.is_nil(io.open(address))
  end))

  -- Two watchers with one policy: the second must say what is wrong, and end.
  it("does not start where the address is in use, with status 1", task(function(folder)
    policy(folder)
    local child, address = start(folder, "--listen", "127.0.0.1:0", "policy.lua")
    local exit, _, err = workshop.run(folder, { "run", "--listen", address, "policy.lua" })
    assert.are.equal(1, exit.code)
    assert.matches("could not listen on 127.0.0.1 port %d+: address already in use "
      .. "%(policy field 'listen'%)", err)
    exit, _, err = workshop.run(folder, { "run", "--listen", "9464", "policy.lua" })
    assert.are.equal(2, exit.code)
    assert.matches("'listen': expected an address and a port like .*, got '9464'", err)
    stop(child)
  end))

  -- An outage of the queue must not have a container restarted.
  it("is alive and not ready while its queue is gone", task(function(folder)
    policy(folder)
    local child, address = start(folder, "--listen", "127.0.0.1:0", "policy.lua")
    workshop.eventually(function() return assert(get(address, "/readyz")).status == 200 end,
      "it is ready")
    os.rename(folder:file "jobs.db", folder:file "elsewhere.db")
    local answer = assert(get(address, "/readyz"))
    assert.are.equal(503, answer.status)
    assert.are.equal("not ready: the queue's file was deleted or replaced\n", answer.body)
    assert.are.equal(200, assert(get(address, "/healthz")).status)
    assert.are.equal(0, value(address, "watchbot_ready"))
    stop(child)
  end))
end)

describe("a reload", function()
  local function reload(folder, child, lines)
    policy(folder, lines)
    local before = select(2, child:output():gsub("reloaded", ""))
    child:kill "HUP"
    workshop.eventually(function()
      return select(2, child:output():gsub("reloaded", "")) > before
    end, "it has reloaded")
  end

  it("moves the server, ends it, and begins it", task(function(folder)
    policy(folder, 'listen = "127.0.0.1:0"')
    local child, address = start(folder, "policy.lua")
    reload(folder, child, ("listen = %q"):format(folder:file "socket"))
    workshop.eventually(function() return not get(address, "/healthz") end, "the old one is gone")
    assert.matches("socket", child:output())
    reload(folder, child, "")
    assert.is_nil(io.open(folder:file "socket"))
    -- The same port on another address: the old one is in the way.
    reload(folder, child, ('listen = %q'):format(address))
    assert.are.equal(200, assert(get(address, "/healthz")).status)
    reload(folder, child, ('listen = "0.0.0.0:%s"'):format(address:match ":(%d+)$"))
    assert.are.equal(200, assert(get(address, "/healthz")).status)
    assert.is_nil(child:output():find "not reloaded")
    stop(child)
  end))

  it("to an address that is not available changes nothing", task(function(folder)
    policy(folder, 'listen = "127.0.0.1:0"')
    local other, taken = start(folder, "policy.lua")
    local child, address = start(folder, "policy.lua")
    reload(folder, child, ("workers = 7, listen = %q"):format(taken))
    assert.matches("not reloaded, the old one stays: could not listen on .* in use",
      (child:output()))
    assert.are.equal(1, value(address, "watchbot_slots_free"))
    stop(child)
    stop(other)
  end))
end)
