local endpoint = require "watchbot.aws.endpoint"

-- What botocore's endpoint rules answer: ordinary, FIPS, dual stack, both.
local RECORDED = {
  ["sqs eu-west-1"] =
    { "sqs.eu-west-1.amazonaws.com", "sqs-fips.eu-west-1.amazonaws.com", "sqs.eu-west-1.api.aws",
    "sqs-fips.eu-west-1.api.aws" },
  ["cloudwatch us-east-1"] =
    { "monitoring.us-east-1.amazonaws.com", "monitoring-fips.us-east-1.amazonaws.com",
    "monitoring.us-east-1.api.aws", "monitoring-fips.us-east-1.api.aws" },
  ["sns cn-north-1"] = { "sns.cn-north-1.amazonaws.com.cn", "sns-fips.cn-north-1.amazonaws.com.cn",
    "sns.cn-north-1.api.amazonwebservices.com.cn",
    "sns-fips.cn-north-1.api.amazonwebservices.com.cn" },
  ["logs us-gov-west-1"] = { "logs.us-gov-west-1.amazonaws.com", "logs.us-gov-west-1.amazonaws.com",
    "logs.us-gov-west-1.api.aws", "logs-fips.us-gov-west-1.api.aws" },
  ["cloudwatch us-gov-west-1"] =
    { "monitoring.us-gov-west-1.amazonaws.com", "monitoring.us-gov-west-1.amazonaws.com",
    "monitoring.us-gov-west-1.api.aws", "monitoring.us-gov-west-1.api.aws" },
  ["ecs us-gov-east-1"] =
    { "ecs.us-gov-east-1.amazonaws.com", "ecs-fips.us-gov-east-1.amazonaws.com",
    "ecs.us-gov-east-1.api.aws", "ecs-fips.us-gov-east-1.api.aws" },
  ["sts us-iso-east-1"] = { "sts.us-iso-east-1.c2s.ic.gov", "sts-fips.us-iso-east-1.c2s.ic.gov",
    "sts.us-iso-east-1.api.aws.ic.gov", "sts-fips.us-iso-east-1.api.aws.ic.gov" },
  ["dynamodb us-isob-east-1"] =
    { "dynamodb.us-isob-east-1.sc2s.sgov.gov", "dynamodb-fips.us-isob-east-1.sc2s.sgov.gov",
    "dynamodb.us-isob-east-1.api.aws.scloud", "dynamodb-fips.us-isob-east-1.api.aws.scloud" },
  ["sqs eusc-de-east-1"] =
    { "sqs.eusc-de-east-1.amazonaws.eu", "sqs-fips.eusc-de-east-1.amazonaws.eu",
    "sqs.eusc-de-east-1.api.amazonwebservices.eu",
    "sqs-fips.eusc-de-east-1.api.amazonwebservices.eu" },
  ["sqs us-isof-south-1"] =
    { "sqs.us-isof-south-1.csp.hci.ic.gov", "sqs-fips.us-isof-south-1.csp.hci.ic.gov",
    "sqs.us-isof-south-1.api.aws.hci.ic.gov", "sqs-fips.us-isof-south-1.api.aws.hci.ic.gov" },
  ["sqs eu-isoe-west-1"] =
    { "sqs.eu-isoe-west-1.cloud.adc-e.uk", "sqs-fips.eu-isoe-west-1.cloud.adc-e.uk",
    "sqs.eu-isoe-west-1.api.cloud-aws.adc-e.uk", "sqs-fips.eu-isoe-west-1.api.cloud-aws.adc-e.uk" },
}

describe("endpoint", function()
  for case, hosts in pairs(RECORDED) do
    it("of " .. case .. " is that of the other SDKs", function()
      local service, region = case:match "(%S+) (%S+)"
      assert.are.equal("https://" .. hosts[1], endpoint.url(service, region))
      assert.are.equal("https://" .. hosts[2], endpoint.url(service, region, { fips = true }))
      assert.are.equal("https://" .. hosts[3], endpoint.url(service, region, { dualstack = true }))
      assert.are.equal("https://" .. hosts[4], endpoint.url(service, region, {
        fips = true, dualstack = true,
      }))
    end)
  end

  it("puts a region nobody has heard of into the partition of its name", function()
    assert.are.equal("https://sqs.mars-north-1.amazonaws.com", endpoint.url("sqs", "mars-north-1"))
    assert.are.equal("https://sqs.cn-west-9.amazonaws.com.cn", endpoint.url("sqs", "cn-west-9"))
    assert.are.equal("aws-us-gov", endpoint.partition "us-gov-south-3".name)
  end)

  it("refuses a region that would change the host", function()
    for _, region in ipairs { "evil.com/", "eu-west-1.evil.com", "a b", "", "-x", "EU-WEST-1", "x#",
      ("a"):rep(64) } do
      local url, err, code = endpoint.url("sqs", region)
      assert.is_nil(url)
      assert.are.equal(("the region '%s' is not a name such as 'eu-west-1'"):format(region),
        err)
      assert.are.equal("BadRegion", code)
    end
  end)

  it("reads the region of a service's host", function()
    for _, case in ipairs { "sqs eu-west-1", "ecs us-gov-west-1", "logs cn-north-1" } do
      local service, region = case:match "(%S+) (%S+)"
      for _, variant in ipairs { {}, { fips = true }, { dualstack = true } } do
        local host = endpoint.url(service, region, variant):match "//(.*)"
        assert.are.equal(region, endpoint.region_of(host, service), host)
        assert.is_nil(endpoint.region_of(host, "xray"))
        assert.is_nil(endpoint.region_of(host .. ".example.com", service))
      end
    end
  end)
end)
