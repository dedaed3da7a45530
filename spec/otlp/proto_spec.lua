-- What the program sends, checked by opentelemetry-proto's own message types.

local cjson = require "cjson"
local collector = require "support.collector"
local shell = require "support.shell"
local skip = require "support.skip"
local workshop = require "support.workshop"

local run = workshop.run

-- The folder of the types; the test that asks is pending where there is none.
local function types()
  local out, code = shell.run "spec/support/obtain otlp-proto"
  local said = out:match "([^\n]+)\n*$"
  return code == 0 and said or skip.raise("otlp-proto", said or "obtain failed")
end

-- What the types say of requests.
local function check(folder, requests)
  local lines = {}
  for index, one in ipairs(requests) do lines[index] = cjson.encode(one) end
  folder:write("requests", table.concat(lines, "\n"))
  return (shell.run(("node spec/support/otlp_proto.js %s <%s"):format(shell.quote(types()),
    shell.quote(folder:file "requests"))))
end

describe("opentelemetry-proto's message types", function()
  local collected

  setup(function() collected = collector.start() end)
  teardown(function() collected:close() end)

  it("take every request of the program", workshop.task(function(folder)
    types()
    run(folder, { "send", "--queue", folder:url(), "bad" }, {
      TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      TRACESTATE = "vendor=1",
    })
    run(folder, { "send", "--queue", folder:url(), "good" })
    folder:write("policy.lua", [[local policy = require "watchbot".policy { max_receives = 2,
      command = 'test "$Message" = good' }
      function policy:backoff() return 1 end
      return policy]])
    run(folder, { "run", "--drain", "--queue", folder:url(), "policy.lua" }, {
      OTEL_EXPORTER_OTLP_ENDPOINT = collected.url, no_proxy = "*",
      OTEL_RESOURCE_ATTRIBUTES = "team=tiles",
    })
    local requests = {}
    for index, one in ipairs(collected:received()) do
      requests[index] = { signal = one.path:match "[^/]+$", request = one.request }
    end
    assert.are.equal(2, #requests)
    assert.are.equal("checked 2\n", check(folder, requests))
  end))

  -- A check that takes everything would say nothing.
  it("refuse what is no message", workshop.task(function(folder)
    for problem, span in pairs {
      ["enum value expected"] = { kind = "5" }, ["buffer expected"] = { traceId = 7 },
      ["string expected"] = { name = 7 }, ["nonsense: 1 became undefined"] = { nonsense = 1 },
      ["startTimeUnixNano"] = { startTimeUnixNano = "soon" },
    } do
      local out = check(folder, { { signal = "traces",
        request = { resourceSpans = { { scopeSpans = { { spans = { span } } } } } } } })
      assert.is_truthy(out:find(problem, 1, true), out)
    end
  end))
end)
