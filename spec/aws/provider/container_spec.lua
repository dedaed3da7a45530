local cjson = require "cjson.safe"
local chain = require "support.chain"
local config = require "watchbot.aws.config"
local container = require "watchbot.aws.provider.container"
local metadata = require "support.metadata"
local scheduler = require "watchbot.scheduler"

local VECTORS = "../shared/vectors/credentials/ecs-tests.json"
local FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
local REPLY = {
  AccessKeyId = "AKID", SecretAccessKey = "hidden", Token = "hiddentoken",
  Expiration = "2100-01-01T00:00:00Z",
}

local server

local function in_task(body)
  return function() scheduler.run(body) end
end

describe("provider.container: credentials", function()
  setup(in_task(function() server = metadata.start() end))
  teardown(in_task(function() server:close() end))
  before_each(chain.open)
  after_each(chain.close)

  local function url(environment)
    return container.url(assert(config.new {
      getenv = function(name) return environment[name] end,
    }))
  end

  describe("have the URL of the shared vectors", function()
    local file = io.open(VECTORS, "rb")
    if not file then
      pending("which is not checked: " .. VECTORS .. " is not there")
      return
    end
    local cases = assert(cjson.decode(file:read "a")).tests
    file:close()
    -- The vectors' errors, in our words.
    local errors = {
      ["No environment variables were set to configure ECS provider"] =
        "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is "
          .. "set",
      ["URI did not specify a host"] =
        "container: AWS_CONTAINER_CREDENTIALS_FULL_URI names no host: write it as "
          .. "'http://localhost:8080/path'",
    }
    for index, case in ipairs(cases) do
      it(("%d: %s"):format(index, case.docs), function()
        local answer, why = url(case.env)
        assert.are.equal(case.result.Ok, answer)
        if not case.result.Ok then assert.are.equal(errors[case.result.ErrorContains], why) end
      end)
    end
  end)

  it("are asked only of this machine, or by https", function()
    for _, good in ipairs { "http://127.0.0.1:80/x", "http://127.9.8.7/x", "http://[::1]:51679/x",
    "http://LOCALHOST/x",
      "http://[fd00:ec2::23]/v1/credentials", "http://169.254.170.23/v1/credentials",
        "https://example.com/x" } do
      assert.are.equal(good, url { [FULL] = good })
    end
    for _, bad in ipairs { "http://example.com/x", "http://169.254.170.22/x",
    "http://127.0.0.1.example.com/x",
      "http://[::2]/x", "http://10.0.0.1/x" } do
      local none, why, code = url { [FULL] = bad }
      assert.is_nil(none)
      assert.matches("is neither this machine nor reached by https", why, 1, true)
      assert.are.equal("BadCredentials", code)
    end
    for _, odd in ipairs { "http://localhost@example.com/x", "http://localhost\\@example.com/x",
    "file:///etc/passwd",
      "http://user:pass@localhost/x", "http:///x", "localhost/x", "http://[::1/x",
        "http://localhost/\r\nX: y" } do
      assert.is_nil(url { [FULL] = odd }, odd)
    end
    assert.is_nil(url { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI = "@example.com/x" })
  end)

  it("are got with the token in the file as it is now, before that of the variable",
    in_task(function()
    server:set { credentials = REPLY, token = "Bearer one" }
    local environment = {
      [FULL] = server.url .. "/credentials?x=1", AWS_CONTAINER_AUTHORIZATION_TOKEN = "Bearer one",
    }
    local keys = assert(chain.new(environment):get())
    assert.are.same({ "AKID", "hidden", "hiddentoken", 4102444800 },
      { keys.access_key, keys.secret_key, keys.token, keys.expires })
    assert.are.equal("/credentials?x=1", server:calls()[1].path)
    environment.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = chain.write("token", "two")
    local one = chain.new(environment)
    server:set { credentials = REPLY, token = "two" }
    keys = assert(one:get())
    chain.write("token", "three")
    server:set { credentials = { AccessKeyId = "AKID2", SecretAccessKey = "s" }, token = "three" }
    one:expire(keys)
    assert.are.equal("AKID2", assert(one:get()).access_key)
  end))

  it("are asked for again when the endpoint stumbles", in_task(function()
    server:set { credentials = REPLY, fail = 2 }
    assert.are.same({ "AKID", "container" }, chain.found { [FULL] = server.url .. "/c" })
    assert.are.equal("GET /c, GET /c, GET /c", server:asked())
  end))

  it("say what is wrong, and quote nothing", in_task(function()
    local environment = { [FULL] = server.url .. "/c" }
    server:set { status = 500 }
    assert.are.equal("container: the endpoint answered with HTTP status 500",
      chain.problem(environment))
    server:set { token = "other" }
    environment.AWS_CONTAINER_AUTHORIZATION_TOKEN = "hidden"
    assert.are.equal("container: the endpoint answered with HTTP status 401",
      chain.problem(environment))
    environment.AWS_CONTAINER_AUTHORIZATION_TOKEN = "hidden\r\nX: y"
    assert.are.equal("container: the token of AWS_CONTAINER_AUTHORIZATION_TOKEN has a line break "
      .. "in it",
      chain.problem(environment))
    environment.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = chain.write("token", "hidden\n")
    assert.are.equal("container: the token of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE has a line "
      .. "break in it",
      chain.problem(environment))
    environment.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = chain.folder
    assert.are.equal(("container: could not read %s of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: is "
      .. "a directory"):format(
      chain.folder), chain.problem(environment))
    environment.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = nil
    environment.AWS_CONTAINER_AUTHORIZATION_TOKEN = nil
    for _, body in ipairs { "", "<html>hidden</html>", '{"SecretAccessKey":"hidden"',
      '"hidden"' } do
      server:set { body = body }
      assert.are.equal("container: the answer is not a JSON object", chain.problem(environment))
    end
    server:set { body = '{"code":"hidden","AccessKeyId":"hidden"}' }
    assert.are.equal("container: missing secret key", chain.problem(environment))
  end))
end)
