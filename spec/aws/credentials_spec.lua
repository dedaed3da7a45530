local chain = require "support.chain"
local credentials = require "watchbot.aws.credentials"
local metadata = require "support.metadata"
local scheduler = require "watchbot.scheduler"

local FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
local REPLY = {
  AccessKeyId = "AKID", SecretAccessKey = "hidden", Token = "hiddentoken",
  Expiration = "2100-01-01T00:00:00Z",
}

local server

local function in_task(body)
  return function() scheduler.run(body) end
end

describe("credentials", function()
  setup(in_task(function() server = metadata.start() end))
  teardown(in_task(function() server:close() end))
  before_each(chain.open)
  after_each(chain.close)

  it("name every place that was looked in when there are none", in_task(function()
    assert.are.equal(("option: none were given; environment: AWS_ACCESS_KEY_ID is not set; "
      .. "profile: there is no "
      .. "profile 'default' in %s/.aws/config (no such file or directory) and %s/.aws/credentials "
      .. "(no such file or directory); "
      .. "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set; container: neither "
      .. "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set; "
      .. "EC2 metadata: "
      .. "AWS_EC2_METADATA_DISABLED is true"):format(chain.folder, chain.folder), chain.problem {})
  end))

  it("are looked for in this order: given, environment, profile, web identity, container, EC2",
    in_task(function()
    server:set { credentials = REPLY }
    local environment = { AWS_EC2_METADATA_SERVICE_ENDPOINT = server.url }
    assert.are.same({ "AKID", "EC2 metadata" }, chain.found(environment))
    environment[FULL] = server.url .. "/credentials"
    assert.are.same({ "AKID", "container" }, chain.found(environment))
    environment.AWS_WEB_IDENTITY_TOKEN_FILE, environment.AWS_ROLE_ARN = chain.write("token", "jwt"),
      "web"
    assert.are.same({ "STS-web", "web identity" }, chain.found(environment))
    chain.write("credentials", "[default]\naws_access_key_id = P\naws_secret_access_key = hidden")
    assert.are.same({ "P", "profile 'default'" }, chain.found(environment))
    environment.AWS_ACCESS_KEY_ID, environment.AWS_SECRET_ACCESS_KEY = "E", "hidden"
    assert.are.same({ "E", "environment" }, chain.found(environment))
    assert.are.same({ "G", "option" },
      chain.found(environment, { credentials = { access_key = "G", secret_key = "hidden" } }))
    assert.are.same({ "P", "profile 'default'" }, chain.found(environment, { profile = "default" }))
  end))

  -- It counted as "never".
  it("of the environment expire when it says, or are refused", in_task(function()
    local environment =
      { AWS_ACCESS_KEY_ID = "E", AWS_SECRET_ACCESS_KEY = "hidden",
      AWS_SESSION_TOKEN = "hiddentoken",
      AWS_CREDENTIAL_EXPIRATION = "2100-01-01T00:00:00Z" }
    assert.are.equal(4102444800, assert(chain.new(environment):get()).expires)
    -- Requests were signed with them all the same, and AWS's answer named no variable.
    environment.AWS_CREDENTIAL_EXPIRATION = "2001-01-01T00:00:00Z"
    assert.are.equal("environment: the credentials expired at 2001-01-01T00:00:00Z "
      .. "(AWS_CREDENTIAL_EXPIRATION), and nothing renews them", chain.problem(environment))
    environment.AWS_CREDENTIAL_EXPIRATION = "in an hour"
    assert.are.equal("environment: AWS_CREDENTIAL_EXPIRATION: expected an ISO 8601 date, got "
      .. "'in an hour'",
      chain.problem(environment))
  end))

  it("of the environment come as a pair, with their token", in_task(function()
    local keys = assert(chain.new({ AWS_ACCESS_KEY_ID = "E", AWS_SECRET_ACCESS_KEY = "s",
      AWS_SESSION_TOKEN = "t" }):get())
    assert.are.equal("t", keys.token)
    assert.are.equal("AWS_SECRET_ACCESS_KEY is not set, though AWS_ACCESS_KEY_ID is",
      chain.problem { AWS_ACCESS_KEY_ID = "E" })
    assert.are.equal("AWS_ACCESS_KEY_ID is not set, though AWS_SECRET_ACCESS_KEY is",
      chain.problem { AWS_SECRET_ACCESS_KEY = "hidden" })
    assert.are.equal("environment: the secret key has a space or a line break in it",
      chain.problem { AWS_ACCESS_KEY_ID = "E", AWS_SECRET_ACCESS_KEY = "hidden\n" })
  end))

  it("of one provider that fails are not replaced by those of the next", in_task(function()
    server:set { status = 404 }
    assert.are.equal("container: the endpoint answered with HTTP status 404",
      chain.problem {
        [FULL] = server.url .. "/credentials", AWS_EC2_METADATA_SERVICE_ENDPOINT = server.url,
      })
    assert.are.equal("GET /credentials", server:asked())
  end))

  it("come from the provider that was first for good, also when another appears", in_task(function()
    server:set { credentials = REPLY }
    local one = chain.new { [FULL] = server.url .. "/credentials" }
    local keys = assert(one:get())
    chain.write("credentials", "[default]\naws_access_key_id = P\naws_secret_access_key = hidden")
    server:set { credentials = { AccessKeyId = "AKID2", SecretAccessKey = "hidden" } }
    one:expire(keys)
    assert.are.equal("AKID2", assert(one:get()).access_key)
  end))

  it("are refused with a shared file that cannot be parsed", function()
    chain.write("credentials", "[default]\naws_secret_access_key hidden")
    local none, err, code = credentials.chain {
      getenv = function(name) return name == "HOME" and chain.folder or nil end,
    }
    assert.is_nil(none)
    assert.are.equal(chain.folder
      .. "/.aws/credentials:2: expected an '=' sign defining a property", err)
    assert.are.equal("BadProfile", code)
  end)
end)
