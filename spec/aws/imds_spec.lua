local config = require "watchbot.aws.config"
local http = require "watchbot.http"
local metadata = require "support.metadata"
local scheduler = require "watchbot.scheduler"

local PUT, ROLES = "PUT /latest/api/token", "/latest/meta-data/iam/security-credentials/"
local REGION = "/latest/meta-data/placement/region"

local server

-- The metadata client of an environment in which the service is the spec's.
local function client(environment)
  environment = environment or {}
  environment.AWS_EC2_METADATA_SERVICE_ENDPOINT = environment.AWS_EC2_METADATA_SERVICE_ENDPOINT
    or server.url .. "/"
  environment.AWS_METADATA_SERVICE_TIMEOUT = environment.AWS_METADATA_SERVICE_TIMEOUT or "60"
  return assert(config.new { getenv = function(name) return environment[name] end }).metadata
end

local function in_task(body)
  return function() scheduler.run(body) end
end

describe("imds", function()
  setup(in_task(function() server = metadata.start() end))
  teardown(in_task(function() server:close() end))

  it("asks with a token, which it keeps", in_task(function()
    server:set {}
    local one = client()
    assert.are.equal("eu-west-1", one:get(REGION))
    assert.are.equal("app", one:get(ROLES))
    assert.are.equal(("%s, GET %s, GET %s"):format(PUT, REGION, ROLES), server:asked())
    assert.are.equal("21600", server:calls()[1].headers["x-aws-ec2-metadata-token-ttl-seconds"])
  end))

  it("gets a new token for one that is refused, once", in_task(function()
    server:set {}
    local one = client()
    one:get(REGION)
    server:set { forget = true }
    assert.are.equal("eu-west-1", one:get(REGION))
    assert.are.equal(("GET %s, %s, GET %s"):format(REGION, PUT, REGION), server:asked())
  end))

  it("gets a new token before the old one ends", in_task(function()
    server:set {}
    local one = client()
    one:get(REGION)
    one.token_until = scheduler.boottime()
    one:get(REGION)
    assert.are.equal(("%s, GET %s, %s, GET %s"):format(PUT, REGION, PUT, REGION), server:asked())
  end))

  it("tries again after a failure, as often as it is told, and never without a token",
    in_task(function()
    server:set { fail = 1 }
    assert.are.equal("eu-west-1", client():get(REGION))
    server:set { fail = 99 }
    local none, err, code = client { AWS_METADATA_SERVICE_NUM_ATTEMPTS = "3" }:get(REGION)
    assert.is_nil(none)
    assert.are.equal(server.url .. " gave no token: HTTP status 503", err)
    assert.are.equal("BadReply", code)
    assert.are.equal(("%s, %s, %s"):format(PUT, PUT, PUT), server:asked())
  end))

  it("gives up soon on a service that does not answer", in_task(function()
    server:set { delay = 60 }
    local before = scheduler.now()
    local one = client {
      AWS_METADATA_SERVICE_TIMEOUT = "0.1", AWS_METADATA_SERVICE_NUM_ATTEMPTS = "1",
    }
    local none, err, code = one:get(REGION)
    assert.is_nil(none)
    assert.are.equal("Timeout", code)
    assert.matches(server.url, err, 1, true)
    assert.is_true(scheduler.now() - before < 30)
  end))

  -- In a container, a hop limit of 1 was only a timeout.
  it("names the hop limit where the token does not come in time, and only there",
    in_task(function()
      local given = {
        AWS_METADATA_SERVICE_TIMEOUT = "0.2", AWS_METADATA_SERVICE_NUM_ATTEMPTS = "1",
      }
      server:set { delay = 2 }
      local _, err = client(given):get(REGION)
      assert.matches("hop limit must be at least 2: aws ec2 modify%-instance%-metadata", err)
      server:set {}
      local one = client(given)
      one:get(REGION)
      server:set { delay = 2 }
      _, err = one:get(REGION)
      assert.not_matches("hop limit", err)
      server:set { fail = 9 }
      _, err = client(given):get(REGION)
      assert.not_matches("hop limit", err)
    end))

  it("is asked without a proxy, whatever the environment says, and briefly", in_task(function()
    server:set {}
    local asked = {}
    local one = assert(config.new {
      getenv = function(name)
        return name == "AWS_EC2_METADATA_SERVICE_ENDPOINT" and server.url or nil
      end,
      request = function(request)
        table.insert(asked, request)
        return http.request(request)
      end,
    }).metadata
    assert.are.equal("eu-west-1", one:get(REGION))
    assert.are.equal(2, #asked)
    for _, request in ipairs(asked) do
      assert.is_true(request.direct)
      assert.are.equal(1, request.timeout)
      assert.are.equal(1, request.connect_timeout)
    end
  end))

  it("is not asked when it is switched off", in_task(function()
    server:set {}
    assert.are.same({ nil, "AWS_EC2_METADATA_DISABLED is true", "Disabled" },
      { client { AWS_EC2_METADATA_DISABLED = "TRUE" }:get(REGION) })
    assert.are.equal("", server:asked())
  end))

  it("says what is not there", in_task(function()
    server:set {}
    assert.are.same({
      nil, server.url .. " answered with HTTP status 404 for /latest/meta-data/x", "NotFound",
    },
      { client():get "/latest/meta-data/x" })
  end))

  it("has an address for each family", function()
    local function address(environment)
      return assert(config.new { getenv = function(name) return
        environment[name] end }).metadata:address()
    end
    assert.are.equal("http://169.254.169.254", address {})
    assert.are.equal("http://[fd00:ec2::254]", address {
      AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE = "IPv6",
    })
  end)

  it("tells the config its region, once", in_task(function()
    server:set { region = "eu-north-1" }
    local environment = { AWS_EC2_METADATA_SERVICE_ENDPOINT = server.url }
    local one = assert(config.new { getenv = function(name) return environment[name] end })
    assert.are.equal("eu-north-1", one:region())
    assert.are.equal("eu-north-1", one:region(nil, nil, "sqlite:jobs.db"))
    assert.are.equal(("%s, GET %s"):format(PUT, REGION), server:asked())
    server:set { region = "not a region" }
    one = assert(config.new { getenv = function(name) return environment[name] end })
    local none, err = one:region()
    assert.is_nil(none)
    assert.matches("its answer is not a region", err, 1, true)
  end))
end)
