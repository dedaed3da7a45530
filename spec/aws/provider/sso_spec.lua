local cjson = require "cjson"
local core = require "watchbot.core"
local ecs_server = require "support.ecs_server"
local workshop = require "support.workshop"

local task = workshop.task

-- The program with a person's sign-in, at AWS's host names: the suite's own AWS gives keys of a
-- role for a token, and a new token for a refresh token.
describe("provider.sso: IAM Identity Center", function()
  local server

  setup(function() server = ecs_server.start() end)
  teardown(function() server:close() end)

  local SESSION = "[sso-session corp]\nsso_region = eu-central-1\n"
    .. "sso_start_url = https://corp.awsapps.com/start\n"
  local PROFILE = "[profile dev]\nregion = eu-west-1\nsso_account_id = 123456789012\n"
    .. "sso_role_name = Read Only\n"
  local NEW = PROFILE .. "sso_session = corp\n" .. SESSION
  local OLD = PROFILE .. "sso_region = eu-central-1\n"
    .. "sso_start_url = https://corp.awsapps.com/start\n"

  local function date(seconds)
    return os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() + seconds)
  end

  local function path_of(folder, name)
    return folder:file(".aws/sso/cache/" .. core.aws.sha1(name) .. ".json")
  end

  -- A home folder with a token, as `aws sso login` leaves it.
  local function home(folder, config, name, token)
    os.execute("mkdir -p " .. folder:file ".aws/sso/cache")
    folder:write(".aws/config", config)
    if not token then return end
    token.startUrl, token.region = "https://corp.awsapps.com/start", "eu-central-1"
    folder:write(".aws/sso/cache/" .. core.aws.sha1(name) .. ".json", cjson.encode(token))
  end

  local function status(folder, more)
    local variables = {
      HOME = folder.path, AWS_PROFILE = "dev", AWS_ENDPOINT_URL = false, AWS_REGION = false,
      AWS_ACCESS_KEY_ID = false, AWS_SECRET_ACCESS_KEY = false, AWS_SESSION_TOKEN = false,
      AWS_CONFIG_FILE = false, AWS_SHARED_CREDENTIALS_FILE = false,
      AWS_EC2_METADATA_DISABLED = "true", AWS_CA_BUNDLE = server:authority(),
      HTTPS_PROXY = server.url, https_proxy = server.url, NO_PROXY = false, no_proxy = false,
      ALL_PROXY = false,
    }
    for key, value in pairs(more or {}) do variables[key] = value end
    local exit, out, problem = workshop.run(folder, { "send", "--queue",
      "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs", "hello" }, variables)
    return exit.code, out .. problem
  end

  before_each(task(function()
    server:reset()
    assert(server:client("sqs", { region = "eu-west-1" }):CreateQueue { QueueName = "jobs" })
  end))

  local function sign_in(more)
    local all = { region = "eu-central-1", token = "person", roles = { "123456789012/Read Only" } }
    for name, value in pairs(more or {}) do all[name] = value end
    server:knobs { sso = all }
  end

  for name, case in pairs {
    ["an sso-session"] = { NEW, "corp" },
    ["a profile of the older form"] = { OLD, "https://corp.awsapps.com/start" },
  } do
    it("signs with the role of " .. name, task(function(folder)
      sign_in()
      home(folder, case[1], case[2], { accessToken = "person", expiresAt = date(7200) })
      local code, out = status(folder)
      assert.are.equal(0, code, out)
      local hosts = {}
      for _, request in ipairs(server:requests()) do hosts[request.host] = true end
      assert.is_true(hosts["portal.sso.eu-central-1.amazonaws.com"])
      assert.is_true(hosts["sqs.eu-west-1.amazonaws.com"])
    end))
  end

  local function stale(seconds)
    return { accessToken = "person", expiresAt = date(seconds), refreshToken = "once",
      clientId = "c", clientSecret = "s", registrationExpiresAt = date(86400), kept = "as it was" }
  end

  -- Ten minutes before the expiry, and after it.
  for _, left in ipairs { 600, -60 } do
    it(("refreshes a token that has %d s left, as the CLI does"):format(left),
      task(function(folder)
      sign_in { seconds = left, refresh = "once", client = "c", secret = "s" }
      home(folder, NEW, "corp", stale(left))
      local code, out = status(folder)
      assert.are.equal(0, code, out)
      local path = path_of(folder, "corp")
      local file = assert(io.open(path))
      local written = cjson.decode(file:read "a")
      file:close()
      assert.matches("^new%-", written.accessToken)
      assert.matches("^refresh%-", written.refreshToken)
      assert.are.same({ "c", "s", "as it was", "https://corp.awsapps.com/start", "eu-central-1" },
        { written.clientId, written.clientSecret, written.kept, written.startUrl, written.region })
      assert.is_true(written.expiresAt > date(3000))
      assert.are.equal(tonumber("600", 8), core.file.status(path).mode)
      -- The next program finds it fresh.
      code, out = status(folder)
      assert.are.equal(0, code, out)
    end))
  end

  it("uses a token that is still valid where it cannot be refreshed", task(function(folder)
    sign_in { seconds = 600 }
    home(folder, NEW, "corp", stale(600))
    local code, out = status(folder)
    assert.are.equal(0, code, out)
  end))

  -- What to run stands in the error, and no other identity signs.
  for name, case in pairs {
    ["no sign-in"] = { words = "there is no sign%-in in .*%.json %(no such file" },
    ["an expired one"] = {
      token = function() return { accessToken = "person", expiresAt = date(-60) } end,
      words = "the sign%-in has expired" },
    ["a refresh token that was used"] = { token = function() return stale(-60) end,
      words = "the sign%-in has expired" },
    ["a registration that has expired"] = { token = function()
      local token = stale(-60)
      token.registrationExpiresAt = date(-10)
      return token
    end, words = "the sign%-in has expired" },
    ["one that AWS has revoked"] = {
      token = function() return { accessToken = "secret-of-person", expiresAt = date(7200) } end,
      words = "AWS does not accept the sign%-in" },
    ["a broken file"] = { token = function() return { accessToken = 7 } end,
      words = ".*%.json has no token" },
  } do
    it("says what to run with " .. name, task(function(folder)
      home(folder, NEW, "corp", case.token and case.token())
      local before = #server:requests()
      local code, out = status(folder,
        { AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://localhost:1/" })
      assert.are.equal(1, code)
      assert.matches("profile 'dev': " .. case.words .. ".*; run: aws sso login %-%-profile 'dev'",
        out)
      assert.is_nil(out:find("secret-of-person", 1, true))
      local requests = server:requests()
      for index = before + 1, #requests do
        assert.is_nil(requests[index].host:find("sqs", 1, true))
      end
    end))
  end

  it("says that the person has no such role", task(function(folder)
    sign_in { roles = {} }
    home(folder, NEW, "corp", { accessToken = "person", expiresAt = date(7200) })
    local code, out = status(folder)
    assert.are.equal(1, code)
    assert.matches("the person has no role 'Read Only' in the account 123456789012", out)
  end))

  it("names a setting that is missing", task(function(folder)
    home(folder, PROFILE)
    local code, out = status(folder)
    assert.are.equal(1, code)
    assert.matches("profile 'dev': sso_region is missing; aws configure sso %-%-profile 'dev'", out)
  end))

  it("sends no token in clear text", task(function(folder)
    sign_in()
    home(folder, NEW, "corp", { accessToken = "person", expiresAt = date(7200) })
    local code, out = status(folder, { AWS_ENDPOINT_URL_SSO = "http://sso.example.com" })
    assert.are.equal(1, code)
    assert.matches("the endpoint http://sso%.example%.com is not https", out)
  end))

end)
