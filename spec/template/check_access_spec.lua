-- What --check says of who may do what.

local check_access = require "watchbot.template.check_access"
local templates = require "support.templates"

local function found(template)
  local findings = {}
  check_access(template, findings)
  return findings
end

local function role(kind, statements)
  return { Resources = { Big = { Type = kind, Properties = {
    Policies = { { PolicyName = "a", PolicyDocument = { Statement = statements } } } } } } }
end

local function arns(count)
  local list = {}
  for index = 1, count do list[index] = ("arn:aws:s3:::bucket-%04d/*"):format(index) end
  return { { Effect = "Allow", Action = "s3:Get*", Resource = list } }
end

describe("the check of access", function()
  -- IAM said so after ten minutes: "Maximum policy size of 10240 bytes exceeded for role".
  it("finds policies that are too long for their role or user", function()
    local findings = found(role("AWS::IAM::Role", arns(400)))
    assert.are.equal("Resources.Big.Properties.Policies", findings[1].where)
    assert.matches("IAM takes 10240: .*reference_iam%-quotas", findings[1].message)
    assert.is_nil(findings[1].note)
    assert.are.same({}, found(role("AWS::IAM::Role", arns(300))))
    assert.matches("IAM takes 2048", found(role("AWS::IAM::User", arns(100)))[1].message)
  end)

  it("does not guess how long an intrinsic will be", function()
    local long = { Ref = ("L"):rep(20000) }
    assert.are.same({}, found(role("AWS::IAM::Role", { { Resource = long } })))
  end)

  it("has only notes about what the template makes with everything on", function()
    local made = templates.make("task", { webhook = true, user = true, reduce = true,
      kmsKey = "arn:aws:kms:eu-west-1:123456789012:key/a" })
    for _, finding in ipairs(found(made)) do assert.is_true(finding.note, finding.message) end
  end)
end)
