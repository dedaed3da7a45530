local config = require "watchbot.aws.config"
local scheduler = require "watchbot.scheduler"

local folder

local function write(name, text)
  local file = assert(io.open(folder .. "/.aws/" .. name, "w"))
  file:write(text)
  file:close()
end

local function from(environment, options)
  environment.HOME = environment.HOME or folder
  options = options or {}
  options.getenv = function(name) return environment[name] end
  return config.new(options)
end

describe("config", function()
  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(os.execute("mkdir -p " .. folder .. "/.aws"))
  end)

  after_each(function() os.execute("rm -r " .. folder) end)

  it("takes a setting from the option, then the environment, then the profile, and says where",
    function()
    write("config", "[default]\nregion = eu-west-1\nmax_attempts = 5\nca_bundle =\n[profile "
      .. "dev]\nregion = eu-west-2")
    local function setting(environment, options, name)
      return { assert(from(environment, options)):setting(name or "region") }
    end
    assert.are.same({ "eu-west-3", "option" },
      setting({ AWS_REGION = "x-y" }, { region = "eu-west-3" }))
    assert.are.same({ "x-y", "AWS_REGION" },
      setting { AWS_REGION = "x-y", AWS_DEFAULT_REGION = "d" })
    assert.are.same({ "d", "AWS_DEFAULT_REGION" },
      setting { AWS_REGION = "", AWS_DEFAULT_REGION = "d" })
    assert.are.same({ "eu-west-1", "profile 'default'" }, setting {})
    assert.are.same({ "eu-west-2", "profile 'dev'" }, setting { AWS_PROFILE = "dev" })
    assert.are.same({ "eu-west-2", "profile 'dev'" },
      setting({ AWS_PROFILE = "default" }, { profile = "dev" }))
    assert.are.same({ "5", "profile 'default'" }, setting({}, nil, "max_attempts"))
    assert.are.same({}, setting({}, nil, "ca_bundle"))
    assert.are.same({}, setting({}, nil, "endpoint_url"))
    assert.are.equal(5, assert(from {}):number "max_attempts")
  end)

  -- AWS_MAX_ATTEMPTS=0 and the mode IPv7 counted as not set, and AWS_USE_FIPS_ENDPOINT=yes as no.
  it("refuses a setting that is not what it must be, by its name and place", function()
    write("config", "[default]\nuse_fips_endpoint = on")
    for text, environment in pairs {
      ["AWS_MAX_ATTEMPTS: expected an integer of 1 or more, got '0'"] = { AWS_MAX_ATTEMPTS = "0" },
      ["AWS_MAX_ATTEMPTS: expected an integer of 1 or more, got 'many'"] = {
        AWS_MAX_ATTEMPTS = "many",
      },
      ["AWS_MAX_ATTEMPTS: expected an integer of 1 or more, got '2.5'"] = {
        AWS_MAX_ATTEMPTS = "2.5",
      },
      ["AWS_METADATA_SERVICE_NUM_ATTEMPTS: expected an integer of 1 or more, got '-1'"] = {
        AWS_METADATA_SERVICE_NUM_ATTEMPTS = "-1" },
      ["AWS_METADATA_SERVICE_TIMEOUT: expected a number of seconds above 0, got '1s'"] = {
        AWS_METADATA_SERVICE_TIMEOUT = "1s" },
      ["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: expected 'IPv4' or 'IPv6', got 'IPv7'"] = {
        AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE = "IPv7" },
      ["AWS_USE_FIPS_ENDPOINT: expected 'true' or 'false', got 'yes'"] = {
        AWS_USE_FIPS_ENDPOINT = "yes",
      },
      ["AWS_EC2_METADATA_DISABLED: expected 'true' or 'false', got '1'"] = {
        AWS_EC2_METADATA_DISABLED = "1",
      },
      ["profile 'default': use_fips_endpoint: expected 'true' or 'false', got 'on'"] = {},
    } do
      environment.AWS_USE_FIPS_ENDPOINT = environment.AWS_USE_FIPS_ENDPOINT
        or (next(environment) and "FALSE")
      assert.are.same({ nil, text, "BadSetting" }, { from(environment) })
    end
  end)

  it("takes AWS_DEFAULT_PROFILE where AWS_PROFILE is not set, as the CLI does", function()
    write("config", "[profile one]\nregion = eu-west-1\n[profile two]\nregion = eu-west-2")
    assert.are.equal("one", assert(from { AWS_DEFAULT_PROFILE = "one" }).profile)
    assert.are.equal("two",
      assert(from { AWS_DEFAULT_PROFILE = "one", AWS_PROFILE = "two" }).profile)
    assert.are.equal("BadProfile", select(3, from { AWS_DEFAULT_PROFILE = "none" }))
  end)

  it("refuses a profile that was asked for and is not there", function()
    for _, made in ipairs { { { AWS_PROFILE = "dve" } }, { {}, { profile = "dve" } } } do
      local none, err, code = from(table.unpack(made))
      assert.is_nil(none)
      assert.are.equal(("the profile 'dve' is not in %s/.aws/config (no such file or directory) "
        .. "nor in "
        .. "%s/.aws/credentials (no such file or directory)"):format(folder, folder), err)
      assert.are.equal("BadProfile", code)
    end
  end)

  it("refuses a file that cannot be parsed", function()
    write("config", "[default]\nregion eu-west-1")
    local none, err, code = from {}
    assert.is_nil(none)
    assert.are.equal(folder .. "/.aws/config:2: expected an '=' sign defining a property", err)
    assert.are.equal("BadProfile", code)
  end)

  it("takes the region of the resource before that which is set, and that which is near after it",
    function()
    assert.are.equal("eu-west-1", assert(from { AWS_REGION = "us-west-1" }):region "eu-west-1")
    assert.are.equal("us-west-1",
      assert(from { AWS_REGION = "us-west-1" }):region(nil, "eu-west-1"))
    assert.are.equal("eu-west-1", assert(from {}):region(nil, "eu-west-1"))
    assert.are.equal("eu-west-3", assert(from({}, { region = "eu-west-3" })):region "eu-west-1")
  end)

  it("says where it looked for a region", function()
    scheduler.run(function()
      local one = assert(from { AWS_EC2_METADATA_DISABLED = "true" })
      assert.are.same({ nil,
        "no AWS region was found: set AWS_REGION, or region in the profile 'default' "
        .. "(EC2 metadata: AWS_EC2_METADATA_DISABLED is true)", "NoRegion" }, { one:region() })
      local _, err = one:region(nil, nil, "sqlite:jobs.db")
      assert.matches("as 'sqlite:jobs.db' has none", err, 1, true)
    end)
  end)

  describe("endpoint", function()
    local LAYERS = {
      { "http://given:1", "option", options = { endpoint = "http://given:1/" } },
      {
        "http://own:2/path", "AWS_ENDPOINT_URL_SQS", environment = {
          AWS_ENDPOINT_URL_SQS = "http://own:2/path/",
        },
      },
      { "http://all:3", "AWS_ENDPOINT_URL", environment = { AWS_ENDPOINT_URL = "http://all:3" } },
      { "http://section:4", "services 'local'" },
      { "http://profile:5", "profile 'default'" },
      {},
    }

    -- What is written in a layer and in all the ones after it.
    local function from_layer(first, more)
      local environment, options = {}, {}
      for index = first, #LAYERS do
        for name, value in pairs(LAYERS[index].environment or {}) do environment[name] = value end
        for name, value in pairs(LAYERS[index].options or {}) do options[name] = value end
      end
      for name, value in pairs(more or {}) do environment[name] = value end
      write("config",
        "[default]\nregion = eu-west-1\n" .. (first <= 4 and "services = local\n" or "")
        .. (first <= 5 and "endpoint_url = http://profile:5\n" or "")
        .. "[services local]\nsns =\n endpoint_url = http://wrong\nsqs =\n endpoint_url = "
        .. "http://section:4\n")
      return assert(from(environment, options))
    end

    it("has its order: given, own variable, variable, section of services, profile, region",
      function()
      for index, layer in ipairs(LAYERS) do
        assert.are.same({ layer[1], layer[2] }, { from_layer(index):configured_endpoint "sqs" })
      end
    end)

    it("ignores what is configured when told so, but not what is given", function()
      local ignore = { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS = "True" }
      assert.are.equal("http://given:1", from_layer(1, ignore):configured_endpoint "sqs")
      assert.is_nil(from_layer(2, ignore):configured_endpoint "sqs")
      write("config",
        "[default]\nregion = eu-west-1\nendpoint_url = http://x\nignore_configured_endpoint_urls "
          .. "= true")
      assert.is_nil(assert(from {}):configured_endpoint "sqs")
    end)

    it("knows the services' names in settings", function()
      local one = assert(from {
        AWS_ENDPOINT_URL_CLOUDWATCH_LOGS = "http://l", AWS_ENDPOINT_URL_CLOUDWATCH = "http://c",
      })
      assert.are.equal("http://l", (one:configured_endpoint "logs"))
      assert.are.equal("http://c", (one:configured_endpoint "cloudwatch"))
    end)

    it("refuses what is not a URL, naming where it is from and not quoting it", function()
      for _, url in ipairs { "localhost:4566", "ftp://user:secret@host", "http://", "http://a b",
        "http://host?x=secret" } do
        local none, err, code =
          assert(from { AWS_ENDPOINT_URL = url }):configured_endpoint "sqs"
        assert.is_nil(none)
        assert.are.equal("the endpoint of sqs is not a URL such as 'http://localhost:4566': "
          .. "AWS_ENDPOINT_URL", err)
        assert.are.equal("BadEndpoint", code)
      end
    end)
  end)
end)
