local cjson = require "cjson.safe"
local chain = require "support.chain"
local metadata = require "support.metadata"
local process = require "watchbot.aws.provider.process"
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

describe("provider.profile: credentials", function()
  setup(in_task(function() server = metadata.start() end))
  teardown(in_task(function() server:close() end))
  before_each(chain.open)
  after_each(chain.close)

  it("are read again when AWS says that they have expired", in_task(function()
    chain.write("credentials",
      "[default]\naws_access_key_id = OLD\naws_secret_access_key = s\naws_session_token = t")
    local one = chain.new {}
    local keys = assert(one:get())
    assert.are.equal("OLD", keys.access_key)
    chain.write("credentials",
      "[default]\naws_access_key_id = NEW\naws_secret_access_key = s\naws_session_token = t")
    assert.are.equal("OLD", assert(one:get()).access_key)
    one:expire(keys)
    assert.are.equal("NEW", assert(one:get()).access_key)
  end))

  it("assume its roles one after the other", in_task(function()
    chain.write("config", [[
[profile a]
role_arn = A
source_profile = b
external_id = ext
duration_seconds = 900
role_session_name = me
[profile b]
role_arn = B
source_profile = c
[profile c]
aws_access_key_id = C
aws_secret_access_key = s]])
    assert.are.same({ "STS-A", "profile 'a'" },
      chain.found { AWS_PROFILE = "a", AWS_ROLE_SESSION_NAME = "us" })
    assert.are.same({
      { "AssumeRole", { RoleArn = "B", RoleSessionName = "us" }, "C", "eu-west-1" },
      { "AssumeRole",
      { RoleArn = "A", RoleSessionName = "me", ExternalId = "ext", DurationSeconds = 900 }, "STS-B",
        "eu-west-1" },
    }, chain.calls)
  end))

  it("assume a role with the credentials of the environment, which without the profile would do "
    .. "alone", in_task(function()
    chain.write("config", "[profile a]\nrole_arn = A\ncredential_source = Environment")
    local environment = { AWS_ACCESS_KEY_ID = "E", AWS_SECRET_ACCESS_KEY = "s", AWS_PROFILE = "a" }
    assert.are.same({ "E", "environment" }, chain.found(environment))
    assert.are.same({ "STS-A", "profile 'a'" }, chain.found(environment, { profile = "a" }))
    assert.are.equal("E", chain.calls[1][3])
  end))

  it("have a session name of ours when none is set", in_task(function()
    server:set { credentials = REPLY }
    chain.write("config", "[profile a]\nrole_arn = A\ncredential_source = EcsContainer")
    chain.found { AWS_PROFILE = "a", [FULL] = server.url .. "/credentials" }
    assert.matches("^watchbot%-%d+$", chain.calls[1][2].RoleSessionName)
    assert.are.equal("AKID", chain.calls[1][3])
  end))

  it("say why a role was not assumed", in_task(function()
    chain.write("config", "[default]\nrole_arn = A\nsource_profile = default\n"
      .. "aws_access_key_id = C\naws_secret_access_key = hidden")
    assert.are.equal("profile 'default': could not assume the role 'A': AccessDenied: not you",
      chain.problem({}, {
      sts = function() return nil, "AccessDenied: not you", "AccessDenied" end }))
    assert.are.equal("profile 'default': the answer to AssumeRole holds no credentials",
      chain.problem({}, {
      sts = function() return {} end }))
    assert.are.equal("profile 'default': missing secret key", chain.problem({}, {
      sts = function() return { Credentials = { AccessKeyId = "x" } } end }))
  end))

  it("say what needs a person, and what to do instead", in_task(function()
    chain.write("config", [[
[profile mfa]
role_arn = A
source_profile = mfa
mfa_serial = arn
aws_access_key_id = C
aws_secret_access_key = hidden]])
    assert.are.equal("profile 'mfa': mfa_serial asks a person for a code, and none is here; use a "
      .. "role that does "
      .. "not need it", chain.problem { AWS_PROFILE = "mfa" })
  end))

  -- The profile counted as empty, and the next provider in the chain signed instead.
  it("say that nobody has signed in by 'aws login', and nobody else signs", in_task(function()
    chain.write("config",
      "[default]\nlogin_session = arn:aws:iam::1:user/me\n[profile role]\nrole_arn = A\n"
      .. "source_profile = default")
    local environment = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://localhost:1/" }
    for _, name in ipairs { "default", "role" } do
      environment.AWS_PROFILE = name
      assert.matches("^profile 'default': there is no sign%-in by 'aws login' in .*; run: aws "
        .. "login %-%-profile 'default'; or add to the profile: credential_process = aws configure "
        .. "export%-credentials %-%-profile 'default' %-%-format process$",
        chain.problem(environment))
    end
  end))

  -- A kind of profile that a newer tool has would have counted as empty, too.
  it("end the search at a profile of an unknown kind, with its name", in_task(function()
    local environment = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://localhost:1/" }
    for _, setting in ipairs { "federated_session", "saml_provider", "console_login",
      "identity_center_role", "oauth_token_file", "sso_instance" } do
      chain.write("config", ("[default]\nregion = eu-west-1\n%s = x"):format(setting))
      assert.matches("^profile 'default': it has '" .. setting .. "', a kind of credentials that "
        .. "is not known here; add credential_process = aws configure export%-credentials",
        chain.problem(environment))
    end
    for _, setting in ipairs { "role_session_name", "cli_auto_prompt", "auth_scheme_preference",
      "sso_registration_scopes", "output", "s3" } do
      chain.write("config", ("[default]\nregion = eu-west-1\n%s = x"):format(setting))
      assert.matches("container: ", chain.problem(environment))
    end
  end))

  -- The hint led to the same error: the session in the same profile was looked at first.
  it("come from the process beside a session, as the hint says", in_task(function()
    local reply = chain.write("reply", cjson.encode {
      Version = 1, AccessKeyId = "X", SecretAccessKey = "s",
    })
    for _, session in ipairs { "sso_start_url = u\nsso_account_id = 1\nsso_role_name = r",
    "sso_session = gone",
      "login_session = arn" } do
      chain.write("config", ("[default]\n%s\ncredential_process = cat %s"):format(session, reply))
      assert.are.equal("X", assert(chain.new({}):get()).access_key)
    end
  end))

  it("come from a profile whose name has blanks, in quotes as the CLI writes it", in_task(function()
    chain.write("config",
      "[profile \"my dev\"]\nregion = eu-west-1\nsource_profile = 'x'\n[profile 'o ne']\n"
      .. "aws_access_key_id = O\naws_secret_access_key = s\n[profile bare words]\nregion = x-y-1\n")
    chain.write("credentials", "[\"my dev\"]\naws_access_key_id = M\naws_secret_access_key = s")
    assert.are.equal("M", assert(chain.new({ AWS_PROFILE = "my dev" }):get()).access_key)
    assert.are.equal("O", assert(chain.new({ AWS_PROFILE = "o ne" }):get()).access_key)
    -- They vanished silently.
    assert.error_matches(function() chain.new { AWS_PROFILE = "bare words" } end,
      "the profile 'bare words' is ignored: quote its name, as in %[profile \"bare "
        .. "words\"%], in .*/config:7$")
  end))

  it("say which credential_source has none, and which names there are", in_task(function()
    chain.write("config", "[profile a]\nrole_arn = A\ncredential_source = EcsContainer\n"
      .. "[profile b]\nrole_arn = A\ncredential_source = Moon")
    assert.are.equal("profile 'a': credential_source EcsContainer: neither "
      .. "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set",
      chain.problem { AWS_PROFILE = "a" })
    assert.are.equal("profile 'b': unknown credential_source 'Moon'; write Environment, "
      .. "EcsContainer or "
      .. "Ec2InstanceMetadata", chain.problem { AWS_PROFILE = "b" })
  end))

  it("come from its process", in_task(function()
    chain.write("config",
      "[default]\ncredential_process = cat " .. chain.write("reply", cjson.encode {
      Version = 1, AccessKeyId = "X", SecretAccessKey = "s", SessionToken = "t",
        Expiration = "2100-01-01T00:00:00Z" }))
    local keys = assert(chain.new({}):get())
    assert.are.same({ "X", "s", "t", 4102444800, "profile 'default'" },
      { keys.access_key, keys.secret_key, keys.token, keys.expires, keys.source })
  end))

  it("do not wait forever for its process", in_task(function()
    local step = { kind = "process", name = "a", settings = { credential_process = "sleep 600" } }
    assert.are.same({
      nil, "profile 'a': credential_process did not end within 0.2 s", "BadCredentials",
    },
      { process.load(step, 0.2) })
  end))

  it("say what is wrong with its process, and quote nothing of it", in_task(function()
    for command, expected in pairs {
      ["echo hidden; echo hidden >&2; exit 3"] =
        "credential_process ended with exit code 3; run it by hand to see what it says",
      ["kill -KILL $$ hidden"] =
        "credential_process was ended by SIGKILL; run it by hand to see what it says",
      ["echo hidden"] = "credential_process: the answer is not a JSON object",
      ["echo '{\"AccessKeyId\":\"hidden\",\"Version\":2}'"] =
        "credential_process must answer with Version 1",
      ["echo '{\"Version\":1,\"AccessKeyId\":\"hidden\"}'"] = "missing secret key",
    } do
      chain.write("config", "[default]\ncredential_process = " .. command)
      assert.are.equal("profile 'default': " .. expected, chain.problem {})
    end
  end))
end)
