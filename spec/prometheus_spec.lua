-- Debian's own Prometheus reads every metric there is: of a watcher with programs that stay on an
-- embedded queue, and of one on SQS.
local cloud = require "support.cloud"
local declared = require "watchbot.metrics.table"
local http = require "watchbot.http"
local json = require "watchbot.lib.json"
local process = require "watchbot.process"
local shell = require "support.shell"
local skip = require "support.skip"
local workshop = require "support.workshop"

local account

cloud.around(function(...) account = ... end)

local POLICY = [[return require "watchbot".policy { %s, listen = "127.0.0.1:0" }]]

local function start(folder, name, fields, variables)
  folder:write(name .. ".lua", POLICY:format(fields))
  local child = workshop.start(folder, { "run", name .. ".lua" }, variables)
  return child, workshop.eventually(function()
    return child:output():match '"address":"([^"]+)"'
  end, "it listens")
end

local function get(address, path, accept)
  return assert(http.request {
    url = "http://" .. address .. path, direct = true, headers = { Accept = accept },
  }).body
end

-- A watcher of each kind; every metric has a value in one of them.
local function start_both(folder)
  workshop.send(folder, { "a", "b", "c" })
  local first, embedded = start(folder, "embedded", [[queue = "sqlite:jobs.db",
    batch = 2, window = 0.1, handler = function(jobs)
      return { [jobs[1].id] = "it fails" }
    end]])
  local url = account:queue { max_receives = 3 }
  assert(account.sqs:SendMessage { QueueUrl = url, MessageBody = "a" })
  local second, remote = start(folder, "remote", ("queue = %q, command = 'true'"):format(url),
    account:environment())
  return { first, second }, { embedded, remote }
end

local function stop_all(children)
  for _, child in ipairs(children) do
    child:kill "TERM"
    child:wait(workshop.PATIENCE)
  end
end

local CONFIGURATION = [[
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: watchbot
    static_configs: [{targets: ['%s', '%s']}]
]]

local function start_prometheus(folder, addresses)
  folder:write("prometheus.yml", CONFIGURATION:format(table.unpack(addresses)))
  local address = "127.0.0.1:" .. workshop.free_port()
  return assert(process.start {
    argv = {
      "prometheus", "--config.file=" .. folder:file "prometheus.yml",
      "--storage.tsdb.path=" .. folder:file "data", "--web.listen-address=" .. address,
    },
    env = process.environment(), output = "capture", limit = 16 << 20,
  }), address
end

-- What Prometheus knows under a path of its API; nil while it does not answer.
local function asked(address, path)
  local response = http.request { url = "http://" .. address .. path, direct = true }
  if not response or response.status ~= 200 then return nil end
  return json.decode(response.body).data
end

local function missing_in(names)
  local known, missing = {}, {}
  for _, name in ipairs(names) do known[name] = true end
  for _, metric in ipairs(declared) do
    local series = metric.kind == "histogram" and metric.name .. "_bucket" or metric.name
    if not known[series] then missing[#missing + 1] = series end
  end
  return table.concat(missing, " ")
end

describe("Debian's Prometheus", function()
  it("scrapes every metric", workshop.task(function(folder)
    skip.program("prometheus", "prometheus")
    local children, addresses = start_both(folder)
    local prometheus, address = start_prometheus(folder, addresses)
    children[#children + 1] = prometheus
    local missing
    local ok = pcall(workshop.eventually, function()
      local names = asked(address, "/api/v1/label/__name__/values")
      missing = names and missing_in(names) or "Prometheus does not answer"
      return missing == ""
    end, "every metric is known")
    local targets = asked(address, "/api/v1/targets") or { activeTargets = {} }
    stop_all(children)
    assert.is_true(ok, missing)
    assert.are.equal(2, #targets.activeTargets)
    for _, target in ipairs(targets.activeTargets) do
      assert.are.equal("up", target.health, target.lastError)
    end
  end))

  it("has nothing to say against their names and texts", workshop.task(function(folder)
    skip.program("promtool", "prometheus")
    local children, addresses = start_both(folder)
    for index, address in ipairs(addresses) do
      local path = folder:write("metrics" .. index, get(address, "/metrics"))
      local out, code = shell.run("promtool check metrics < " .. path .. " 2>&1")
      assert.are.same({ "", 0 }, { out, code })
    end
    stop_all(children)
  end))
end)
