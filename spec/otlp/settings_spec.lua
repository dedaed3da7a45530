local settings = require "watchbot.otlp.settings"

local function read(variables)
  return settings.read(function(name) return variables[name] end)
end

-- What is wrong with variables, one of which names the endpoint.
local function problems(variables)
  variables.OTEL_EXPORTER_OTLP_ENDPOINT = variables.OTEL_EXPORTER_OTLP_ENDPOINT or "http://c:4318"
  local _, found = read(variables)
  return table.concat(found, "\n")
end

describe("otlp.settings", function()
  it("exports nothing without an endpoint, and nothing that is disabled", function()
    for _, variables in ipairs {
      {}, { OTEL_EXPORTER_OTLP_ENDPOINT = "" }, { OTEL_EXPORTER_OTLP_ENDPOINT = " " },
      { OTEL_EXPORTER_OTLP_ENDPOINT = "http://c", OTEL_SDK_DISABLED = "True" },
      { OTEL_SERVICE_NAME = "x", OTEL_TRACES_SAMPLER = "nonsense" },
    } do
      local found, said = read(variables)
      assert.is_nil(found)
      assert.are.same({}, said)
    end
    assert.is_table(read { OTEL_EXPORTER_OTLP_ENDPOINT = "http://c", OTEL_SDK_DISABLED = "false" })
  end)

  it("has both signals below the common endpoint, and each at its own as it is", function()
    for endpoint, folder in pairs {
      ["http://c:4318"] = "http://c:4318", ["http://c:4318/"] = "http://c:4318",
      ["https://c/a/b/"] = "https://c/a/b",
    } do
      local found = read { OTEL_EXPORTER_OTLP_ENDPOINT = endpoint }
      assert.are.equal(folder .. "/v1/traces", found.traces.url)
      assert.are.equal(folder .. "/v1/metrics", found.metrics.url)
    end
    local found = read {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT = "https://t:99/in?key=1",
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT = "https://m",
    }
    assert.are.equal("https://t:99/in?key=1", found.traces.url)
    assert.are.equal("https://m/", found.metrics.url)
    found = read { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT = "http://t" }
    assert.is_nil(found.metrics)
  end)

  it("takes headers, time limit and certificate of the signal before the common ones", function()
    local found = read {
      OTEL_EXPORTER_OTLP_ENDPOINT = "http://c", OTEL_EXPORTER_OTLP_HEADERS = "a=1,b=x%20y",
      OTEL_EXPORTER_OTLP_TRACES_HEADERS = "c=3", OTEL_EXPORTER_OTLP_TIMEOUT = "2500",
      OTEL_EXPORTER_OTLP_METRICS_TIMEOUT = "100", OTEL_EXPORTER_OTLP_CERTIFICATE = "/ca.pem",
    }
    assert.are.same({ c = "3" }, found.traces.headers)
    assert.are.same({ a = "1", b = "x y" }, found.metrics.headers)
    assert.are.same({ 2.5, 0.1 }, { found.traces.timeout, found.metrics.timeout })
    assert.are.equal("/ca.pem", found.traces.ca_file)
    assert.are.equal(10, read { OTEL_EXPORTER_OTLP_ENDPOINT = "http://c" }.traces.timeout)
  end)

  -- A value that is passed over silently would be looked for at the collector.
  it("says that it does not compress, and which file of a certificate is missing", function()
    assert.matches("^OTEL_EXPORTER_OTLP_COMPRESSION=gzip: watchbot sends requests uncompressed",
      problems { OTEL_EXPORTER_OTLP_COMPRESSION = "gzip" })
    assert.are.equal("", problems { OTEL_EXPORTER_OTLP_COMPRESSION = "none" })
    assert.matches("_CLIENT_KEY: no client certificate is sent without OTEL_EXPORTER_OTLP_CLIENT_C",
      problems { OTEL_EXPORTER_OTLP_CLIENT_KEY = "/key.pem" })
    assert.matches("_CLIENT_CERTIFICATE: '/none.pem': no such file",
      problems { OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE = "/none.pem" })
  end)

  it("knows the service and the other attributes of the resource", function()
    local function resource(variables)
      variables.OTEL_EXPORTER_OTLP_ENDPOINT = "http://c"
      return read(variables).resource
    end
    assert.are.same({ { "service.name", "watchbot" } }, resource {})
    local given = "service.name=a,deployment.environment.name=p%2Cq"
    assert.are.same({ { "service.name", "a" }, { "deployment.environment.name", "p,q" } },
      resource { OTEL_RESOURCE_ATTRIBUTES = given })
    assert.are.same({ { "service.name", "b" }, { "deployment.environment.name", "p,q" } },
      resource { OTEL_RESOURCE_ATTRIBUTES = given, OTEL_SERVICE_NAME = "b" })
  end)

  it("samples as it is told", function()
    local function sampled(name, ratio, parent)
      return read { OTEL_EXPORTER_OTLP_ENDPOINT = "http://c", OTEL_TRACES_SAMPLER = name,
        OTEL_TRACES_SAMPLER_ARG = ratio }.sample(("f"):rep(32), parent)
    end
    assert.is_true(sampled())
    assert.is_false(sampled(nil, nil, false))
    assert.is_false(sampled "always_off")
    assert.is_false(sampled("parentbased_traceidratio", "0.5"))
    assert.is_true(sampled("parentbased_traceidratio", "0.5", true))
    assert.is_true(sampled "traceidratio")
  end)

  it("has the defaults of the specification", function()
    local found = read { OTEL_EXPORTER_OTLP_ENDPOINT = "http://c" }
    assert.are.same({ 5, 2048, 512, 60 },
      { found.delay, found.queue_size, found.batch_size, found.interval })
    found = read {
      OTEL_EXPORTER_OTLP_ENDPOINT = "http://c", OTEL_BSP_SCHEDULE_DELAY = "10",
      OTEL_BSP_MAX_QUEUE_SIZE = "20", OTEL_METRIC_EXPORT_INTERVAL = "500",
    }
    assert.are.same({ 0.01, 20, 20, 0.5 },
      { found.delay, found.queue_size, found.batch_size, found.interval })
  end)

  -- A collector's port for gRPC answers JSON with nonsense: better to say why nothing comes.
  it("exports by http/json only, and says what it does not do", function()
    for variable, said in pairs {
      OTEL_EXPORTER_OTLP_PROTOCOL = "grpc", OTEL_EXPORTER_OTLP_TRACES_PROTOCOL = "http/protobuf",
      OTEL_TRACES_EXPORTER = "console",
    } do
      local found, told = read { OTEL_EXPORTER_OTLP_ENDPOINT = "http://c", [variable] = said }
      assert.is_nil(found and found.traces)
      assert.matches(variable .. "=" .. said .. ": watchbot exports by .* only", told[1])
    end
    local found, told = read { OTEL_EXPORTER_OTLP_ENDPOINT = "http://c",
      OTEL_METRICS_EXPORTER = "none", OTEL_EXPORTER_OTLP_PROTOCOL = "http/json" }
    assert.is_nil(found.metrics)
    assert.is_table(found.traces)
    assert.are.same({}, told)
  end)

  it("reports what makes no sense, and goes on without it", function()
    assert.matches("OTEL_EXPORTER_OTLP_TIMEOUT: expected a number of 1 or more, got 'soon'",
      problems { OTEL_EXPORTER_OTLP_TIMEOUT = "soon" })
    for _, value in ipairs { "-5", "0", "nan", "inf", "1e300" } do
      assert.matches("OTEL_EXPORTER_OTLP_TIMEOUT", problems { OTEL_EXPORTER_OTLP_TIMEOUT = value })
    end
    assert.matches("unknown sampler 'jaeger_remote'", problems {
      OTEL_TRACES_SAMPLER = "jaeger_remote" })
    assert.matches("expected a number from 0 to 1, got '2'", problems {
      OTEL_TRACES_SAMPLER = "traceidratio", OTEL_TRACES_SAMPLER_ARG = "2" })
    assert.matches("OTEL_RESOURCE_ATTRIBUTES: expected NAME=VALUE", problems {
      OTEL_RESOURCE_ATTRIBUTES = "nonsense" })
    for _, value in ipairs { "collector:4318", "ftp://c", "http://", "http://a b", "unix:/x" } do
      assert.matches("expected http://HOST or https://HOST",
        problems { OTEL_EXPORTER_OTLP_ENDPOINT = value })
    end
  end)

  -- Headers hold the key of who pays for the collector.
  it("shows no secret of a header or an endpoint", function()
    local said = problems { OTEL_EXPORTER_OTLP_HEADERS = "authorization=a%0Ab-secret" }
    assert.matches("the header 'authorization' cannot be sent", said)
    assert.is_nil(said:find("secret", 1, true))
    said = problems { OTEL_EXPORTER_OTLP_HEADERS = "secret-without-a-name" }
    assert.is_nil(said:find("secret", 1, true))
    said = problems { OTEL_EXPORTER_OTLP_ENDPOINT = "https://me:secret@collector" }
    assert.is_nil(said:find("secret", 1, true))
  end)
end)
