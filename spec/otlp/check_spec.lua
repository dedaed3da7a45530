local check = require "watchbot.otlp.check"
local collector = require "support.collector"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local function task(body)
  return function() scheduler.run(body) end
end

local function look(variables)
  return check(function(name) return variables[name] end)
end

describe("what `watchbot check` says of a collector", function()
  local collected

  setup(function() collected = collector.start() end)
  teardown(function() collected:close() end)

  it("is nothing where nothing is exported", task(function()
    assert.are.same({}, look {})
  end))

  it("is that it answers, for spans and metrics", task(function()
    assert.are.same({
      { what = "spans", url = collected.url .. "/v1/traces" },
      { what = "metrics", url = collected.url .. "/v1/metrics" },
    }, look { OTEL_EXPORTER_OTLP_ENDPOINT = collected.url })
    for _, one in ipairs(collected:received()) do assert.are.same({}, one.problems) end
  end))

  it("is why it does not, and what makes no sense", task(function()
    local found = look {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT = "http://127.0.0.1:1/", OTEL_TRACES_SAMPLER = "x",
    }
    assert.matches("unknown sampler 'x'", found[1].problem)
    assert.matches("spans are not exported: could not reach", found[2].problem)
    collected:script({ status = 401 }, { status = 503 })
    found = look { OTEL_EXPORTER_OTLP_ENDPOINT = collected.url }
    assert.matches("answered 401", found[1].problem)
    assert.matches("answered 503", found[2].problem)
  end))

  it("is a warning of the program, since no message depends on it",
    workshop.task(function(folder)
      local function check_program(url)
        return workshop.run(folder, { "check" }, {
          OTEL_EXPORTER_OTLP_ENDPOINT = url, QueueUrl = folder:url(), no_proxy = "*",
          AWS_EC2_METADATA_DISABLED = "true",
        })
      end
      local _, out = check_program(collected.url)
      assert.matches("spans +exported to " .. collected.url:gsub("%p", "%%%0"), out)
      _, out = check_program "http://127.0.0.1:1"
      assert.matches("spans +warning: spans are not exported: could not reach", out)
    end))
end)
