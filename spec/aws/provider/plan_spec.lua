local cjson = require "cjson.safe"

local plan = require "watchbot.aws.provider.plan"

local VECTORS = "../shared/vectors/credentials/assume-role-tests.json"

local KINDS = { AccessKey = "keys", AssumeRole = "role", NamedSource = "source", Sso = "sso",
  WebIdentityToken = "web identity" }

-- The vectors' names where they are not those of the files.
local NAMES = { access_key_id = "aws_access_key_id", secret_access_key = "aws_secret_access_key",
  account_id = "aws_account_id" }

-- The vectors' errors, in our words.
local ERRORS = {
  ["profile must contain `source_profile`"] =
    "profile 'A': role_arn without source_profile or credential_source",
  ["profile contained both source_profile and credential_source"] =
    "profile 'A': both source_profile and credential_source",
  ["profile missing aws_secret_access_key"] =
    "profile 'B': aws_access_key_id without aws_secret_access_key",
  ["profile missing aws_access_key_id"] =
    "profile 'B': aws_secret_access_key without aws_access_key_id",
  ["profile `B` did not contain credential information"] =
    "the profile 'B' has no credentials, but 'A' uses it",
  ["profile `A` did not contain credential information"] = "the profile 'A' has no credentials",
  ["could not find source profile B referenced from A"] =
    "the profile 'B' does not exist, but 'A' uses it",
  ["No profiles were defined"] = "there is no profile 'A'",
  ["profile formed an infinite loop"] = "the profile 'A' is its own source_profile, through 'B'",
  ["`role_arn` was missing"] = "profile 'A': web_identity_token_file without role_arn",
  ["if `sso_role_name` is set, then `sso_account_id` must also be set"] =
    "profile 'A': sso_role_name without sso_account_id",
  ["if `sso_account_id` is set, then `sso_role_name` must also be set"] =
    "profile 'A': sso_account_id without sso_role_name",
  ["`sso_region` can only be specified in the [sso-session] config when a session name is given"] =
    "profile 'A': sso_region and sso_start_url belong into the sso-session 'A'",
  ["sso-session named `oops` (referenced by profile `A`) was not found"] =
    "profile 'A': unknown sso-session 'oops'",
}

local function check_step(expected, step)
  local kind, fields = next(expected)
  assert.are.equal(KINDS[kind], step.kind)
  if kind == "NamedSource" then fields = { credential_source = fields } end
  for name, value in pairs(fields) do
    assert.are.equal(value, step.settings[NAMES[name] or name], name)
  end
end

local function files(profiles)
  return { profiles = profiles, sso_sessions = {}, services = {} }
end

local function kinds(steps)
  local list = {}
  for index, step in ipairs(steps) do list[index] = ("%s %s"):format(step.kind, step.name) end
  return table.concat(list, ", ")
end

describe("plan", function()
  describe("of the shared vectors", function()
    local file = io.open(VECTORS, "rb")
    if not file then
      pending("is not checked: " .. VECTORS .. " is not there")
      return
    end
    local cases = assert(cjson.decode(file:read "a"))
    file:close()

    for index, case in ipairs(cases) do
      it(("%d: %s"):format(index, case.docs), function()
        local steps, why = plan.of({
          profiles = case.input.profiles, sso_sessions = case.input.sso_sessions or {},
        },
          case.input.selected_profile)
        if case.output.Error then
          assert.is_nil(steps)
          assert.are.equal(ERRORS[case.output.Error], why)
          return
        end
        assert.is_truthy(steps, why)
        assert.are.equal(#case.output.ProfileChain, #steps)
        for place, expected in ipairs(case.output.ProfileChain) do
          check_step(expected, steps[place])
        end
      end)
    end
  end)

  it("goes from role to role, and begins with the keys", function()
    local steps = assert(plan.of(files {
      a = { role_arn = "A", source_profile = "b" },
      b = { role_arn = "B", source_profile = "c" },
      c = { aws_access_key_id = "k", aws_secret_access_key = "s" },
    }, "a"))
    assert.are.equal("keys c, role b, role a", kinds(steps))
  end)

  it("prefers keys to a role in the middle, the role at the front", function()
    local both = {
      role_arn = "A", source_profile = "a", aws_access_key_id = "k", aws_secret_access_key = "s",
    }
    assert.are.equal("keys a, role a", kinds(assert(plan.of(files { a = both }, "a"))))
    assert.are.equal("keys a, role b",
      kinds(assert(plan.of(files { a = both, b = { role_arn = "B", source_profile = "a" } }, "b"))))
  end)

  it("begins with a process, a token, a source or a session", function()
    assert.are.equal("process a",
      kinds(assert(plan.of(files { a = { credential_process = "p" } }, "a"))))
    assert.are.equal("web identity a",
      kinds(assert(plan.of(files { a = { role_arn = "A", web_identity_token_file = "t" } }, "a"))))
    assert.are.equal("source a, role a",
      kinds(assert(plan.of(files { a = { role_arn = "A", credential_source = "Environment" } },
        "a"))))
    assert.are.equal("sso a", kinds(assert(plan.of(files {
      a = { sso_start_url = "u", sso_account_id = "1", sso_role_name = "r" } }, "a"))))
  end)

  it("tells a profile without credentials from one with wrong ones", function()
    assert.are.same({ nil, "the profile 'a' has no credentials" },
      { plan.of(files { a = { region = "x" } }, "a") })
    assert.are.same({ nil, "there is no profile 'a'" }, { plan.of(files {}, "a") })
    assert.are.same({
      nil, "profile 'a': aws_access_key_id without aws_secret_access_key", "BadProfile",
    },
      { plan.of(files { a = { aws_access_key_id = "k" } }, "a") })
    assert.are.same({ nil, "the profile 'a' is its own source_profile, through 'c'", "BadProfile" },
      { plan.of(files {
      a = { role_arn = "A", source_profile = "b" },
      b = { role_arn = "B", source_profile = "c" },
      c = { role_arn = "C", source_profile = "a" },
    }, "a") })
  end)
end)
