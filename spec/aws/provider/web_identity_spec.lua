local chain = require "support.chain"
local scheduler = require "watchbot.scheduler"

local function in_task(body)
  return function() scheduler.run(body) end
end

describe("provider.web_identity: credentials", function()
  before_each(chain.open)
  after_each(chain.close)

  it("are got with the token that is in the file now, unsigned", in_task(function()
    local path = chain.write("token", "first\n")
    local one = chain.new {
      AWS_WEB_IDENTITY_TOKEN_FILE = path, AWS_ROLE_ARN = "R", AWS_ROLE_SESSION_NAME = "me",
    }
    local keys = assert(one:get())
    chain.write("token", "second")
    one:expire(keys)
    one:get()
    assert.are.same({
      {
        "AssumeRoleWithWebIdentity",
        { RoleArn = "R", RoleSessionName = "me", WebIdentityToken = "first" }, nil, "eu-west-1",
      },
      {
        "AssumeRoleWithWebIdentity",
        { RoleArn = "R", RoleSessionName = "me", WebIdentityToken = "second" }, nil, "eu-west-1",
      },
    }, chain.calls)
  end))

  it("come from a profile too, also as the source of a role", in_task(function()
    chain.write("config", "[profile a]\nrole_arn = A\nsource_profile = b\n"
      .. "[profile b]\nrole_arn = B\nweb_identity_token_file = " .. chain.write("token", "jwt"))
    assert.are.same({ "STS-A", "profile 'a'" }, chain.found { AWS_PROFILE = "a" })
    assert.are.equal("AssumeRoleWithWebIdentity", chain.calls[1][1])
    assert.are.equal("STS-B", chain.calls[2][3])
  end))

  it("say what is missing", in_task(function()
    assert.are.equal("web identity: AWS_ROLE_ARN is not set, though AWS_WEB_IDENTITY_TOKEN_FILE is",
      chain.problem { AWS_WEB_IDENTITY_TOKEN_FILE = "x" })
    local path = chain.folder .. "/none"
    assert.are.equal(
      ("web identity: could not read the token in %s: no such file or directory"):format(path),
      chain.problem { AWS_WEB_IDENTITY_TOKEN_FILE = path, AWS_ROLE_ARN = "R" })
    path = chain.write("empty", " \n")
    assert.are.equal(("web identity: could not read the token in %s: it is empty, or more than "
      .. "one word"):format(path),
      chain.problem { AWS_WEB_IDENTITY_TOKEN_FILE = path, AWS_ROLE_ARN = "R" })
  end))
end)
