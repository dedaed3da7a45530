local chain = require "support.chain"
local cjson = require "cjson"
local core = require "watchbot.core".aws
local scheduler = require "watchbot.scheduler"

local SESSION = "arn:aws:sts::123456789012:assumed-role/Admin/me"

local function in_task(body)
  return function() scheduler.run(body) end
end

-- A file as `aws login` writes it: the name is the digest of the session.
local function cache(token, folder)
  os.execute("mkdir -p " .. chain.folder .. "/.aws/" .. (folder or "login/cache"))
  chain.write((folder or "login/cache") .. "/" .. core.sha256(SESSION) .. ".json", cjson.encode {
    accessToken = token, tokenType = "urn:aws:params:oauth:token-type:access_token_sigv4",
    clientId = "arn:aws:signin:::devtools/same-device", refreshToken = "hidden",
    dpopKey = "-----BEGIN EC PRIVATE KEY-----hidden",
  })
end

local VALID = { accessKeyId = "ASIALOGIN", secretAccessKey = "hidden", sessionToken = "hiddentoken",
  accountId = "123456789012", expiresAt = "2100-01-01T00:00:00Z" }

describe("provider.login: credentials of 'aws login'", function()
  before_each(chain.open)
  after_each(chain.close)

  it("are those in the cache, while they are valid", in_task(function()
    chain.write("config", "[default]\nlogin_session = " .. SESSION)
    cache(VALID)
    assert.are.same({ "ASIALOGIN", "profile 'default' (aws login)" }, chain.found {})
    assert.are.equal(4102444800, chain.new({}):get().expires)
  end))

  it("are looked for where AWS's variable says", in_task(function()
    chain.write("config", "[default]\nlogin_session = " .. SESSION)
    cache(VALID, "elsewhere")
    assert.are.equal("ASIALOGIN", chain.found {
      AWS_LOGIN_CACHE_DIRECTORY = chain.folder .. "/.aws/elsewhere" }[1])
  end))

  it("that have expired name both ways out, and nobody else signs", in_task(function()
    chain.write("config", "[default]\nlogin_session = " .. SESSION)
    local token = {}
    for name, value in pairs(VALID) do token[name] = value end
    token.expiresAt = "2020-01-01T00:00:00Z"
    cache(token)
    assert.are.equal("profile 'default': the credentials of 'aws login' have expired; run: aws "
      .. "login --profile 'default'; or add to the profile: credential_process = aws configure "
      .. "export-credentials --profile 'default' --format process",
      chain.problem { AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://localhost:1/" })
    cache(nil)
    assert.matches("has no credentials of 'aws login'", chain.problem {})
    cache { expiresAt = "2100-01-01T00:00:00Z" }
    assert.matches("missing access key", chain.problem {})
  end))
end)
