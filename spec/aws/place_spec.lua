-- Host, region and service of a request came from different places, and the emulators of the suite,
-- which serve all on one host, could not see it: RunTask went to the host of SQS, so did
-- CloudWatch, and a queue of eu-west-1 was signed for AWS_REGION.

local aws = require "watchbot.aws"
local config = require "watchbot.aws.config"
local place = require "watchbot.aws.place"
local scheduler = require "watchbot.scheduler"

local QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"

describe("place", function()
  describe("takes a URL apart as it is sent:", function()
    for url, parts in pairs {
      ["https://sqs.eu-west-1.amazonaws.com/1/jobs"] = {
        "https://sqs.eu-west-1.amazonaws.com", "sqs.eu-west-1.amazonaws.com", "/1/jobs" },
      ["HTTPS://SQS.Eu-West-1.amazonaws.com:443/"] = {
        "https://sqs.eu-west-1.amazonaws.com", "sqs.eu-west-1.amazonaws.com", "/" },
      ["https://host:0443"] = { "https://host", "host", "" },
      ["https://host:"] = { "https://host", "host", "" },
      ["https://host.:8443"] = { "https://host:8443", "host:8443", "" },
      ["http://host:80/a%2Fb"] = { "http://host", "host", "/a%2Fb" },
      ["http://host:443"] = { "http://host:443", "host:443", "" },
      ["http://[::1]:4566/x"] = { "http://[::1]:4566", "[::1]:4566", "/x" },
      ["http://moto_server:5000"] = { "http://moto_server:5000", "moto_server:5000", "" },
    } do
      it(url, function()
        local split = place.split(url)
        assert.are.same(parts, { split.origin, split.host, split.path })
        assert.are.equal(url:sub(1, 5) == "http:", split.clear)
      end)
    end
  end)

  it("takes no URL that libcurl might read in another way than the signature", function()
    for _, url in ipairs { "", "host", "ftp://host", "https://", "https://user@host",
    "https://user:pw@host/", "https://a b",
      "https://host:x", "https://host:99999", "https://host:123456", "https://host/a b",
      "https://host?x", "https://host#x",
      "https://h%6Fst", "https://ho\\st", "https://host/\\x", "https://h\u{f6}st",
      "https://host/\u{f6}", "https://host/%zz",
      "https://host/%", "https://host/\n", "https://host\n", "https://[::1",
      "https://[fe80::1%25eth0]/", "https:/host",
      "https://host/%a" } do
      assert.is_nil(place.split(url), url)
    end
  end)

  it("reads the region of a queue's URL and of an ARN", function()
    for text, region in pairs {
      [QUEUE] = "eu-west-1",
      ["https://SQS.EU-WEST-1.AMAZONAWS.COM/1/jobs"] = "eu-west-1",
      ["https://sqs-fips.us-east-1.amazonaws.com/1/jobs"] = "us-east-1",
      ["https://sqs-fips.us-east-1.api.aws/1/jobs"] = "us-east-1",
      ["https://sqs.cn-north-1.amazonaws.com.cn/1/jobs"] = "cn-north-1",
      ["https://sqs.cn-north-1.api.amazonwebservices.com.cn/1/jobs"] = "cn-north-1",
      ["https://sqs.us-gov-west-1.api.aws/1/jobs"] = "us-gov-west-1",
      ["https://sqs.us-isob-east-1.sc2s.sgov.gov/1/jobs"] = "us-isob-east-1",
      ["https://eu-west-2.queue.amazonaws.com/1/jobs"] = "eu-west-2",
      ["https://cn-north-1.queue.amazonaws.com.cn/1/jobs"] = "cn-north-1",
      ["https://queue.amazonaws.com/1/jobs"] = "us-east-1",
      ["https://sqs.amazonaws.com/1/jobs"] = "us-east-1",
      ["https://vpce-0a1b.sqs.us-east-2.vpce.amazonaws.com/1/jobs"] = "us-east-2",
      ["https://vpce-0a1b-us-east-2a.sqs.us-east-2.vpce.amazonaws.com/1/jobs"] = "us-east-2",
      ["https://vpce-0a1b.sqs.cn-north-1.vpce.amazonaws.com.cn/1/jobs"] = "cn-north-1",
      ["http://sqs.eu-central-1.localhost.localstack.cloud:4566/1/jobs"] = "eu-central-1",
      ["arn:aws:sns:ap-south-1:1:topic"] = "ap-south-1",
      ["arn:aws-cn:sqs:cn-northwest-1:1:jobs"] = "cn-northwest-1",
    } do
      assert.are.equal(region, place.region_of(text), text)
    end
    for _, text in ipairs { "http://localhost:4566/1/jobs", "http://127.0.0.1/1/jobs",
    "sqlite:jobs.db",
      "arn:aws:iam::1:role/x", "arn:aws:s3:::bucket",
      "", "https://example.com/sqs.eu-west-1.amazonaws.com",
      "https://sqs.internal.example.com/1/jobs",
      "https://queue.example.com/1/jobs", "arn:aws:sns:Not.A/Region:1:t" } do
      assert.is_nil(place.region_of(text), text)
    end
    assert.is_nil(place.region_of(nil))
  end)

  local function find(service, resource, environment, near)
    environment = environment or {}
    environment.AWS_EC2_METADATA_DISABLED = "true"
    environment.HOME = "/nowhere"
    local result
    scheduler.run(function()
      local settings = assert(config.new { getenv = function(name) return environment[name] end })
      local found, err, code = place.find(service, settings, resource, near)
      result = found and ("%s for %s in %s"):format(found.url, found.service, found.region) or {
        err, code,
      }
    end)
    return result
  end

  -- { service, resource, environment, near }
  for expected, given in pairs {
    -- A queue is called at its own host, and signed for its own region.
    ["https://sqs.eu-west-1.amazonaws.com/ for sqs in eu-west-1"] = {
      "sqs", QUEUE, { AWS_REGION = "us-east-1" },
    },
    ["https://queue.amazonaws.com/ for sqs in us-east-1"] = {
      "sqs", "https://queue.amazonaws.com/1/jobs", { AWS_REGION = "eu-west-1" } },
    ["https://eu-west-2.queue.amazonaws.com/ for sqs in eu-west-2"] = {
      "sqs", "https://eu-west-2.queue.amazonaws.com/1/jobs", { AWS_REGION = "us-east-1" } },
    ["https://sqs.cn-north-1.amazonaws.com.cn/ for sqs in cn-north-1"] = {
      "sqs", "https://sqs.cn-north-1.amazonaws.com.cn/1/jobs", { AWS_REGION = "us-east-1" } },
    ["https://vpce-1.sqs.us-east-2.vpce.amazonaws.com/ for sqs in us-east-2"] = {
      "sqs", "https://vpce-1.sqs.us-east-2.vpce.amazonaws.com/1/jobs", {
        AWS_DEFAULT_REGION = "us-west-2",
      } },
    ["https://sqs.internal.example.com/ for sqs in us-west-2"] = {
      "sqs", "https://sqs.internal.example.com/1/jobs", { AWS_REGION = "us-west-2" } },
    -- What is asked about the queue is asked elsewhere, in its region.
    ["https://monitoring.eu-west-1.amazonaws.com/ for monitoring in eu-west-1"] = {
      "cloudwatch", QUEUE, { AWS_REGION = "us-east-1" } },
    ["https://monitoring.us-east-2.amazonaws.com/ for monitoring in us-east-2"] = {
      "cloudwatch", "https://vpce-1.sqs.us-east-2.vpce.amazonaws.com/1/jobs" },
    ["https://monitoring.us-west-2.amazonaws.com/ for monitoring in us-west-2"] = {
      "cloudwatch", "https://sqs.internal.example.com/1/jobs", { AWS_REGION = "us-west-2" } },
    -- A cluster by name is in the region at hand, at the host of ECS.
    ["https://ecs.us-east-1.amazonaws.com/ for ecs in us-east-1"] = {
      "ecs", nil, { AWS_REGION = "us-east-1" }, QUEUE,
    },
    ["https://ecs.eu-west-1.amazonaws.com/ for ecs in eu-west-1"] = { "ecs", nil, {}, QUEUE },
    ["https://ecs.eu-west-3.amazonaws.com/ for ecs in eu-west-3"] = {
      "ecs", "arn:aws:ecs:eu-west-3:1:cluster/c", { AWS_REGION = "us-east-1" }, QUEUE },
    ["https://ecs.us-west-1.amazonaws.com/ for ecs in us-west-1"] = {
      "ecs", nil, { AWS_REGION = "us-west-1" }, "http://localhost:4566/1/jobs" },
    ["https://logs.us-gov-west-1.amazonaws.com/ for logs in us-gov-west-1"] = {
      "logs", "arn:aws-us-gov:logs:us-gov-west-1:1:log-group:g", { AWS_REGION = "us-east-1" } },
    -- An endpoint that is set serves what it was set for; the region stays the resource's.
    ["http://127.0.0.1:9/ for sqs in eu-west-1"] = {
      "sqs", QUEUE, { AWS_REGION = "us-east-1", AWS_ENDPOINT_URL = "http://127.0.0.1:9/" } },
    ["https://own.example.com/base for ecs in eu-west-1"] = {
      "ecs", nil, { AWS_ENDPOINT_URL_ECS = "https://own.example.com/base/" }, QUEUE },
    ["https://ecs.ca-west-1.amazonaws.com/ for ecs in ca-west-1"] = {
      "ecs", nil, { AWS_ENDPOINT_URL_SQS = "http://127.0.0.1:9", AWS_REGION = "ca-west-1" },
      QUEUE },
    -- An emulator serves all on the host of its queue.
    ["http://localhost:4566/ for monitoring in us-west-1"] = {
      "cloudwatch", "http://localhost:4566/1/jobs", { AWS_REGION = "us-west-1" } },
    -- FIPS and dual stack hosts of AWS, whatever the URL says.
    ["https://sqs-fips.us-east-1.api.aws/ for sqs in us-east-1"] = {
      "sqs", "https://sqs.us-east-1.amazonaws.com/1/jobs",
      { AWS_USE_FIPS_ENDPOINT = "true", AWS_USE_DUALSTACK_ENDPOINT = "true" } },
    -- AWS_USE_DUALSTACK_ENDPOINT led from the FIPS host in a queue's URL to one without FIPS, and
    -- AWS_USE_FIPS_ENDPOINT from a dual-stack host to one that has no IPv6.
    ["https://sqs-fips.us-east-2.api.aws/ for sqs in us-east-2"] = {
      "sqs", "https://sqs-fips.us-east-2.amazonaws.com/1/jobs",
      { AWS_USE_DUALSTACK_ENDPOINT = "true" } },
    ["https://sqs-fips.us-west-1.api.aws/ for sqs in us-west-1"] = {
      "sqs", "https://sqs.us-west-1.api.aws/1/jobs", { AWS_USE_FIPS_ENDPOINT = "true" } },
    ["https://sqs-fips.us-gov-east-1.api.aws/ for sqs in us-gov-east-1"] = {
      "sqs", "https://sqs-fips.us-gov-east-1.api.aws/1/jobs",
      { AWS_USE_FIPS_ENDPOINT = "true" } },
    ["https://ecs-fips.us-east-2.amazonaws.com/ for ecs in us-east-2"] = {
      "ecs", nil, { AWS_REGION = "us-east-2-fips" },
    },
    ["https://ecs-fips.us-west-2.amazonaws.com/ for ecs in us-west-2"] = {
      "ecs", nil, { AWS_REGION = "fips-us-west-2" },
    },
    ["https://vpce-1.sqs-fips.us-east-1.vpce.amazonaws.com/ for sqs in us-east-1"] = {
      "sqs", "https://vpce-1.sqs-fips.us-east-1.vpce.amazonaws.com/1/jobs", {
        AWS_USE_FIPS_ENDPOINT = "true",
      } },
    ["https://vpce-2.sqs.us-east-1.vpce.amazonaws.com/ for sqs in us-east-1"] = {
      "sqs", "https://vpce-2.sqs.us-east-1.vpce.amazonaws.com/1/jobs", {
        AWS_USE_DUALSTACK_ENDPOINT = "true",
      } },
  } do
    it("is " .. expected,
      function() assert.are.equal(expected, find(table.unpack(given, 1, 4))) end)
  end

  -- It was ignored silently: the custom endpoint was used, without knowing whether it is FIPS.
  it("refuses FIPS or dual stack together with an endpoint, as the SDKs do", function()
    for _, given in ipairs {
      { "sqs", QUEUE, { AWS_USE_FIPS_ENDPOINT = "true", AWS_ENDPOINT_URL_SQS = "https://own:1" },
        "use_fips_endpoint cannot be combined with the endpoint https://own:1 "
          .. "(AWS_ENDPOINT_URL_SQS): unset one of them" },
      { "sns", nil, { AWS_USE_DUALSTACK_ENDPOINT = "true", AWS_ENDPOINT_URL = "http://l:1",
        AWS_REGION = "eu-west-1" },
        "use_dualstack_endpoint cannot be combined with the endpoint http://l:1 "
          .. "(AWS_ENDPOINT_URL): unset one of them" },
      { "sqs", "http://localhost:4566/1/jobs",
      { AWS_USE_FIPS_ENDPOINT = "true", AWS_REGION = "eu-west-1" },
        "use_fips_endpoint cannot be combined with the endpoint http://localhost:4566 (the host "
          .. "of the queue's URL): "
          .. "unset one of them" },
      { "sqs", "https://vpce-1.sqs.us-east-1.vpce.amazonaws.com/1/jobs",
      { AWS_USE_FIPS_ENDPOINT = "true" },
        "use_fips_endpoint cannot be combined with the endpoint "
          .. "https://vpce-1.sqs.us-east-1.vpce.amazonaws.com "
          .. "(the host of the queue's URL): unset one of them" },
    } do
      assert.are.same({ given[4], "BadEndpoint" }, find(table.unpack(given, 1, 3)))
    end
  end)

  -- The session token and the messages of everybody went over the network in clear text, silently.
  it("refuses a host of AWS in clear text, wherever it is named", function()
    local function refusal(host)
      return { ("http://%s would carry credentials and messages unencrypted: "
        .. "write https://%s"):format(
        host, host),
        "BadEndpoint" }
    end
    for _, host in ipairs { "sqs.eu-west-1.amazonaws.com", "queue.amazonaws.com",
    "sqs.cn-north-1.amazonaws.com.cn",
      "vpce-1.sqs.us-east-1.vpce.amazonaws.com", "sqs.us-east-1.api.aws",
        "sqs.eusc-de-east-1.amazonaws.eu" } do
      assert.are.same(refusal(host), find("sqs", ("http://%s/1/jobs"):format(host), {
        AWS_REGION = "eu-west-1",
      }))
      assert.are.same(refusal(host), find("ecs", nil, {
        AWS_ENDPOINT_URL = "http://" .. host, AWS_REGION = "eu-west-1",
      }))
    end
    assert.is_string(find("sqs", "http://amazonaws.com.example.com/1/jobs", {
      AWS_REGION = "eu-west-1",
    }))
  end)

  describe("of a client", function()
    local sent, warnings

    local function client(service, options, environment)
      environment.AWS_EC2_METADATA_DISABLED, environment.HOME = "true", "/nowhere"
      options.getenv = function(name) return environment[name] end
      options.warn = function(text) warnings[#warnings + 1] = text end
      options.credentials = options.credentials or { access_key = "AKID", secret_key = "secret" }
      options.request = function(request)
        local host = request.url:match "^%a+://([^/]+)"
        sent[#sent + 1] = host .. " "
          .. request.headers.Authorization:match "/%d+/([^/]+/[^/]+)/aws4_request"
        return { status = 200, headers = {}, body = "{}" }
      end
      return assert(aws(service, options))
    end

    before_each(function() sent, warnings = {}, {} end)

    it("is where the request goes, and what is signed", function()
      scheduler.run(function()
        local environment = { AWS_REGION = "us-east-1" }
        assert(client("sqs", { place = QUEUE }, environment):DeleteMessage { QueueUrl = QUEUE,
          ReceiptHandle = "r" })
        assert(client("cloudwatch", { place = QUEUE }, environment):GetMetricData {})
        assert(client("ecs", { near = QUEUE }, environment):ListTasks { cluster = "c" })
      end)
      assert.are.same({ "sqs.eu-west-1.amazonaws.com eu-west-1/sqs",
      "monitoring.eu-west-1.amazonaws.com eu-west-1/monitoring",
        "ecs.us-east-1.amazonaws.com us-east-1/ecs" }, sent)
    end)

    it("says once that a host without TLS can be listened to, unless it is this machine", function()
      scheduler.run(function()
        for _, url in ipairs { "http://queues.example.com", "http://queues.example.com",
        "http://127.0.0.1:1",
          "http://localhost:1", "http://[::1]:1", "http://sqs.localhost" } do
          assert(client("sqs", { place = url .. "/1/jobs" },
            { AWS_REGION = "eu-west-1" }):DeleteMessage {})
        end
      end)
      assert.are.same({ "http://queues.example.com is not encrypted: what is sent there, "
        .. "credentials included, can be read "
        .. "on the way" }, warnings)
    end)
  end)
end)
