local cjson = require "cjson.safe"

local profiles = require "watchbot.aws.profiles"

local VECTORS = "../shared/vectors/profiles/"

local function vectors(name)
  local file = io.open(VECTORS .. name, "rb")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return assert(cjson.decode(text)).tests
end

local function from(environment)
  return function(name) return environment[name] end
end

local function assert_fails(expected, ...)
  local files, err, code = ...
  assert.is_nil(files)
  assert.are.equal("BadProfile", code)
  assert.is_truthy(err:lower():find(expected:lower(), 1, true),
    err .. " does not say: " .. expected)
end

describe("profiles", function()
  describe("of the shared vectors", function()
    local parser, locations = vectors "profile-parser-tests.json",
      vectors "file-location-tests.json"
    if not parser then
      pending("are not checked: " .. VECTORS .. " is not there")
      return
    end

    for index, case in ipairs(parser) do
      it(("parse %d: %s"):format(index, case.name), function()
        if case.output.errorContaining then
          assert_fails(case.output.errorContaining,
            profiles.parse(case.input.configFile, case.input.credentialsFile))
          return
        end
        local files = assert(profiles.parse(case.input.configFile, case.input.credentialsFile))
        assert.are.same(case.output.config.profiles, files.profiles)
        assert.are.same(case.output.config.sso_sessions or {}, files.sso_sessions)
      end)
    end

    for index, case in ipairs(locations) do
      it(("locate %d: %s"):format(index, case.name), function()
        local config, credentials = profiles.locations(from(case.environment), case.platform)
        assert.are.equal(case.configLocation, config)
        assert.are.equal(case.credentialsLocation, credentials)
      end)
    end
  end)

  it("tells profiles, sessions and services apart, and the credentials file wins", function()
    local files = assert(profiles.parse(table.concat({
      "[default] # the usual one",
      "region = eu-west-1 ; Ireland",
      "[profile dev]",
      "Role_ARN = arn:aws:iam::1:role/dev",
      "services = local",
      "[services local]",
      "sqs =",
      "  endpoint_url = http://localhost:1#x",
      "[sso-session corp]",
      "sso_region = us-east-1",
      "[dev]",
      "ignored = yes",
    }, "\r\n"), "[dev]\naws_access_key_id = a;b\nservices = other"))
    assert.are.same({
      default = { region = "eu-west-1" },
      dev = { role_arn = "arn:aws:iam::1:role/dev", services = "other", aws_access_key_id = "a;b" },
    }, files.profiles)
    assert.are.same({ ["local"] = { sqs = "\nendpoint_url = http://localhost:1#x" } },
      files.services)
    assert.are.same({ corp = { sso_region = "us-east-1" } }, files.sso_sessions)
  end)

  it("lets [profile default] win over [default], whichever comes first", function()
    for _, text in ipairs { "[default]\na = 1\n[profile default]\nb = 2",
      "[profile default]\nb = 2\n[default]\na = 1" } do
      assert.are.same({ default = { b = "2" } }, assert(profiles.parse(text)).profiles)
    end
  end)

  it("passes over comments that are indented, and a byte order mark", function()
    local files = assert(profiles.parse("\u{FEFF}[profile a]\n  # about s3\ns3 =\n  # fast\n  max "
      .. "= 3\n"))
    assert.are.same({ a = { s3 = "\nmax = 3" } }, files.profiles)
  end)

  it("names file and line of what is wrong, and never quotes it", function()
    local secret = "wJalrXUtnFEMI"
    for text, expected in pairs {
      ["[a]\naws_secret_access_key : " .. secret] =
        "credentials:2: expected an '=' sign defining a property",
      ["aws_secret_access_key = " .. secret] = "credentials:1: expected a profile definition",
      ["[a]\n\n= " .. secret] = "credentials:3: property did not have a name",
      ["[a\nx = " .. secret] = "credentials:1: profile definition must end with ']'",
      ["[a]\n " .. secret] = "credentials:2: expected a property definition, found continuation",
      ["[a]\nx =\n " .. secret] = "credentials:3: expected an '=' sign defining a sub-property",
    } do
      local files, err, code = profiles.parse(nil, text)
      assert.is_nil(files)
      assert.are.equal(expected, err)
      assert.are.equal("BadProfile", code)
    end
  end)

  it("finds the sub-properties of a value", function()
    assert.are.same({}, profiles.nested(nil))
    assert.are.same({}, profiles.nested "plain = value")
    assert.are.same({ endpoint_url = "http://h/?a=b", ["in valid"] = "" },
      profiles.nested "\nEndpoint_URL = http://h/?a=b\nin valid =")
  end)

  describe("read", function()
    local folder

    before_each(function()
      folder = os.tmpname()
      os.remove(folder)
      assert(os.execute("mkdir -p " .. folder .. "/.aws/config"))
    end)

    after_each(function() os.execute("rm -r " .. folder) end)

    it("says of each file what was found there", function()
      local files = assert(profiles.read(from { HOME = folder }))
      assert.are.same({}, files.profiles)
      assert.are.same({
        folder .. "/.aws/config (is a directory)",
        folder .. "/.aws/credentials (no such file or directory)",
      }, files.looked)
      assert.are.same({ "HOME is not set", "HOME is not set" },
        assert(profiles.read(from {})).looked)
    end)

    it("takes the files from where the environment says, the home folder written as ~", function()
      local file = assert(io.open(folder .. "/.aws/other", "w"))
      file:write "[a]\nx = 1"
      file:close()
      local files = assert(profiles.read(from {
        HOME = folder, AWS_SHARED_CREDENTIALS_FILE = "~/.aws/other",
      }))
      assert.are.same({ a = { x = "1" } }, files.profiles)
      assert.are.equal(folder .. "/.aws/other", files.looked[2])
    end)
  end)
end)
