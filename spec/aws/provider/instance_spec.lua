local cjson = require "cjson.safe"
local chain = require "support.chain"
local metadata = require "support.metadata"
local scheduler = require "watchbot.scheduler"

local ROLES = "/latest/meta-data/iam/security-credentials/"
local REPLY = {
  AccessKeyId = "AKID", SecretAccessKey = "hidden", Token = "hiddentoken",
  Expiration = "2100-01-01T00:00:00Z",
}

local server

local function in_task(body)
  return function() scheduler.run(body) end
end

describe("provider.instance: credentials", function()
  setup(in_task(function() server = metadata.start() end))
  teardown(in_task(function() server:close() end))
  before_each(chain.open)
  after_each(chain.close)

  it("are those of its role", in_task(function()
    server:set { credentials = REPLY, role = "my-app_1@x" }
    assert.are.same({ "AKID", "EC2 metadata" },
      chain.found { AWS_EC2_METADATA_SERVICE_ENDPOINT = server.url })
    assert.are.equal(("PUT /latest/api/token, GET %s, GET %smy-app_1@x"):format(ROLES, ROLES),
      server:asked())
  end))

  it("are none where it has no role", in_task(function()
    server:set { role = cjson.null }
    local keys, err = chain.new({ AWS_EC2_METADATA_SERVICE_ENDPOINT = server.url }):get()
    assert.is_nil(keys)
    assert.matches("EC2 metadata: this instance has no role$", err)
  end))

  it("are none where nothing listens", in_task(function()
    local keys, err =
      chain.new({ AWS_EC2_METADATA_SERVICE_ENDPOINT = "http://127.0.0.1:1" }):get()
    assert.is_nil(keys)
    assert.matches("^no AWS credentials: option: none were given; ", err)
    assert.matches("EC2 metadata: could not reach http://127.0.0.1:1: ", err, 1, true)
  end))

  it("say what is wrong, and quote nothing", in_task(function()
    local environment = { AWS_EC2_METADATA_SERVICE_ENDPOINT = server.url }
    server:set { credentials = { Code = "Failed", Message = "hidden" } }
    assert.are.equal("EC2 metadata: the response reports Failed", chain.problem(environment))
    server:set { body = "hidden" }
    assert.are.equal("EC2 metadata: the answer is not a JSON object", chain.problem(environment))
  end))

  it("are none where the metadata service is that of another cloud, and the other places are "
    .. "named too", in_task(function()
    server:set { status = 403 }
    local problem = chain.problem { AWS_EC2_METADATA_SERVICE_ENDPOINT = server.url }
    assert.matches("^option: none were given; environment: ", problem)
    assert.matches(("EC2 metadata: %s gave no token: HTTP status 403"):format(server.url), problem,
      1, true)
  end))
end)
