local config = require "watchbot.aws.config"
local role = require "watchbot.aws.provider.role"
local scheduler = require "watchbot.scheduler"

local WITH = { access_key = "AKID", secret_key = "secret" }

describe("role", function()
  -- => the region of the call to STS, its parameters, or nil err code
  local function assume(settings, environment, near)
    environment.AWS_EC2_METADATA_DISABLED, environment.HOME = "true", "/nowhere"
    settings.role_arn = settings.role_arn or "arn:aws:iam::1:role/r"
    local asked, keys, err, code
    scheduler.run(function()
      local context = {
        config = assert(config.new { getenv = function(name) return environment[name] end }),
        near = near,
        sts = function(_, parameters, _, region)
          asked = { region = region, parameters = parameters }
          return { Credentials = { AccessKeyId = "A", SecretAccessKey = "S", SessionToken = "T" } }
        end,
      }
      keys, err, code = role.assume(context, { name = "p", settings = settings }, WITH)
    end)
    if not keys then return nil, err, code end
    return asked.region, asked.parameters
  end

  -- Where no region was set it asked the STS of us-east-1, which knows no role of China or
  -- GovCloud.
  it("asks the STS of the region at hand", function()
    local china = "https://sqs.cn-north-1.amazonaws.com.cn/1/jobs"
    local gov = "https://sqs.us-gov-east-1.amazonaws.com/1/jobs"
    for _, case in ipairs {
      { "eu-west-1", "arn:aws:iam::1:role/r", "eu-west-1" },
      {
        "eu-west-1", "arn:aws:iam::1:role/r", "eu-west-1",
        "https://sqs.us-west-2.amazonaws.com/1/jobs",
      },
      { "us-west-2", "arn:aws:iam::1:role/r", nil, "https://sqs.us-west-2.amazonaws.com/1/jobs" },
      { "cn-north-1", "arn:aws-cn:iam::1:role/r", nil, china },
      { "cn-northwest-1", "arn:aws-cn:iam::1:role/r", nil, "arn:aws-cn:sns:cn-northwest-1:1:t" },
      { "us-gov-east-1", "arn:aws-us-gov:iam::1:role/r", nil, gov },
      -- Nothing is set, or what is near is of another partition: the role's own.
      { "us-east-1", "arn:aws:iam::1:role/r" },
      { "cn-north-1", "arn:aws-cn:iam::1:role/r" },
      { "us-gov-west-1", "arn:aws-us-gov:iam::1:role/r", nil, "sqlite:jobs.db" },
      { "eusc-de-east-1", "arn:aws-eusc:iam::1:role/r" },
      { "us-iso-east-1", "arn:aws-iso:iam::1:role/r" },
      { "us-east-1", "arn:aws:iam::1:role/r", nil, china },
    } do
      assert.are.equal(case[1], (assume({ role_arn = case[2] }, { AWS_REGION = case[3] }, case[4])))
    end
  end)

  -- With the region of another account the role was asked for where it cannot be, and the error
  -- named neither.
  it("is not asked for in another partition", function()
    for _, case in ipairs {
      { "eu-west-1", "arn:aws-cn:iam::1:role/r", "aws%-cn.*eu%-west%-1 is in aws:.*cn%-north%-1$" },
      { "cn-north-1", "arn:aws:iam::1:role/r", "aws,.*in aws%-cn:.*us%-east%-1$" },
      { "us-east-1", "arn:aws-us-gov:iam::1:role/r", "aws%-us%-gov.*us%-gov%-west%-1$" },
    } do
      local keys, err, code = assume({ role_arn = case[2] }, { AWS_REGION = case[1] })
      assert.is_nil(keys)
      assert.matches("^profile 'p': the role 'arn:.*" .. case[3], err)
      assert.are.equal("BadCredentials", code)
    end
  end)

  -- "1h" was left out, and the role lasted an hour or not, as STS pleased.
  it("passes on duration_seconds, and refuses what is none", function()
    local _, parameters = assume({ duration_seconds = "3600" }, { AWS_REGION = "eu-west-1" })
    assert.are.equal(3600, parameters.DurationSeconds)
    _, parameters = assume({}, { AWS_REGION = "eu-west-1" })
    assert.is_nil(parameters.DurationSeconds)
    for _, text in ipairs { "1h", "899", "43201", "900.5", "-900", "" } do
      assert.are.same({ nil,
        ("profile 'p': duration_seconds: expected seconds from 900 to 43200, got '%s'"):format(
          text), "BadProfile" },
        { assume({ duration_seconds = text }, { AWS_REGION = "eu-west-1" }) })
    end
  end)
end)
