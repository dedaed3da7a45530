local cloud = require "support.cloud"
local collector = require "support.collector"
local signed = require "watchbot.otlp.signed"
local workshop = require "support.workshop"

describe("the endpoint of AWS X-Ray", function()
  local server, account
  cloud.around_own(function(made) account, server = made, made.server end)

  -- No endpoint of AWS is set: host, region and signature must come from the URL alone.
  local function export(folder, url, more)
    workshop.send(folder, { "one" })
    folder:write("policy.lua", [[return require "watchbot".policy { handler = function() end }]])
    local variables = account:environment()
    variables.AWS_ENDPOINT_URL, variables.AWS_REGION = false, "us-east-1"
    variables.HTTPS_PROXY, variables.https_proxy = server.url, server.url
    variables.NO_PROXY, variables.no_proxy, variables.ALL_PROXY = false, false, false
    variables.AWS_CA_BUNDLE = server:authority()
    variables.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT = url
    for name, value in pairs(more or {}) do variables[name] = value end
    local exit, log = workshop.run(folder,
      { "run", "--drain", "--queue", folder:url(), "policy.lua" }, variables)
    assert.are.equal(0, exit.code, log)
    return log
  end

  it("takes spans that are signed for its region and service", workshop.task(function(folder)
    for _, host in ipairs { "xray.eu-west-1.amazonaws.com", "xray-fips.us-west-2.amazonaws.com",
      "xray.cn-north-1.amazonaws.com.cn" } do
      local before = #server:spans()
      local log = export(folder, ("https://%s/v1/traces"):format(host))
      assert.is_nil(log:find("otlp", 1, true), log)
      local requests = server:spans()
      assert.are.equal(before + 1, #requests)
      local spans = collector.spans({ { problems = {}, request = requests[#requests] } })
      assert.are.equal(4, #spans)
      -- X-Ray takes the time of a trace from its id.
      local age = os.time() - tonumber(spans[1].traceId:sub(1, 8), 16)
      assert.is_true(age >= 0 and age < 300, age)
    end
  end))

  it("refuses other keys, which is a line of the log without them", workshop.task(function(folder)
    local log = export(folder, "https://xray.eu-west-1.amazonaws.com/v1/traces",
      { AWS_SECRET_ACCESS_KEY = "of-somebody-else" })
    assert.matches('"code":"HTTP403"', log)
    assert.is_nil(log:find("of-somebody-else", 1, true))
  end))

  it("gets no signed request in clear text", function()
    local target, err, code = signed.of "http://xray.eu-west-1.amazonaws.com/v1/traces"
    assert.is_nil(target)
    assert.matches("would carry credentials unencrypted", err)
    assert.are.equal("BadEndpoint", code)
  end)

  it("is known by its host only", function()
    for _, url in ipairs {
      "https://collector/v1/traces", "https://xray.example.com/v1/traces", "http://127.0.0.1:4318/",
      "https://xray.eu-west-1.amazonaws.com.example.com/v1/traces",
      "https://not-xray.eu-west-1.amazonaws.com/v1/traces",
      "https://xray.cn-north-1.amazonaws.com/v1/traces",
      "https://vpce-1.xray.eu-west-1.amazonaws.com/v1/traces",
      "https://other.xray.eu-west-1.vpce.amazonaws.com/v1/traces",
    } do
      assert.is_nil(signed.of(url), url)
    end
    assert.are.equal("eu-west-1", signed.of("https://xray.eu-west-1.amazonaws.com/x").region)
  end)

  -- Spans for X-Ray's VPC endpoints and for its dual-stack and FIPS hosts were sent unsigned: 403.
  it("is known at each of its hosts", function()
    for host, region in pairs {
      ["vpce-0a1b-2c3d.xray.eu-west-1.vpce.amazonaws.com"] = "eu-west-1",
      ["vpce-0a1b-2c3d-cn-north-1a.xray.cn-north-1.vpce.amazonaws.com.cn"] = "cn-north-1",
      ["xray.us-east-1.api.aws"] = "us-east-1", ["xray-fips.us-east-1.api.aws"] = "us-east-1",
      ["xray.cn-north-1.api.amazonwebservices.com.cn"] = "cn-north-1",
      ["xray.eusc-de-east-1.amazonaws.eu"] = "eusc-de-east-1",
    } do
      assert.are.equal(region, signed.of("https://" .. host .. "/v1/traces").region, host)
    end
  end)
end)
