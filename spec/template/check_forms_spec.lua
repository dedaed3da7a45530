-- Without cfn-lint, --check said "no problems found" of what CloudFormation refuses at once.

local check_forms = require "watchbot.template.check_forms"
local cf = require "watchbot.template.cf"
local templates = require "support.templates"

local BUCKET = { Type = "AWS::S3::Bucket" }

local function found(template)
  local lines = {}
  template.Resources = template.Resources or { X = BUCKET }
  check_forms(template, function(where, format, ...)
    lines[#lines + 1] = where .. ": " .. format:format(...)
  end)
  return lines
end

local MAPS = { M = { eu = { name = "a" } } }

local function mapped(...)
  return { Mappings = MAPS, Resources = { X = { Type = "AWS::S3::Bucket", Properties = {
    Tags = { { Key = "a", Value = { ["Fn::FindInMap"] = { "M", ... } } } } } } } }
end

describe("the check of a template's entries", function()
  for _, case in ipairs {
    { { Description = ("d"):rep(1025) }, "^Description: it has 1025 bytes, .* 1024 %(https://" },
    { { Parameters = { P = { Typ = "String" } } },
      "^Parameters.P: unknown member 'Typ'; did you mean 'Type'%? %(https://" },
    { { Parameters = { P = { Default = "a" } } }, "^Parameters.P: 'Type' is missing" },
    { { Parameters = { P = "String" } }, "^Parameters.P: expected a table, got a string" },
    { { Outputs = { A = { Description = "x" } } }, "^Outputs.A: 'Value' is missing" },
    { { Outputs = { A = { Value = "a", Export = { Name = "n" } },
      B = { Value = "b", Export = { Name = "n" } } } },
      "^Outputs.B.Export: 'n' is exported by 'A' already" },
    { { Resources = { X = { Type = "AWS::S3::Bucket", DeletionPolicy = "Keep" } } },
      "^Resources.X.DeletionPolicy: expected one of Delete, .* got 'Keep' .*deletionpolicy.html" },
    { { Resources = { X = { Type = "AWS::S3::Bucket",
      UpdateReplacePolicy = "RetainExceptOnCreate" } } }, "^Resources.X.UpdateReplacePolicy" },
    { mapped("us", "name"), "^Resources.X.Properties.Tags.0.Value: .*'M' has no key 'us'" },
    { mapped("eu", "nome"), "'M' has no key 'nome'" },
  } do
    it("finds one thing: " .. case[2], function()
      local lines = found(case[1])
      assert.matches(case[2], lines[1])
      for index = 2, #lines do assert.matches("'Type' is missing", lines[index]) end
    end)
  end

  it("finds nothing in what may be", function()
    assert.are.same({}, found { Parameters = { P = { Type = "String", NoEcho = true } },
      Outputs = { A = { Value = "a", Export = { Name = cf.sub "${AWS::StackName}-a" } },
        B = { Value = "b", Export = { Name = cf.sub "${AWS::StackName}-a" } } } })
    assert.are.same({}, found(mapped(cf.ref "AWS::Region", "name")))
    assert.are.same({}, found(mapped("us", "name", { DefaultValue = "a" })))
    assert.are.same({}, found(templates.make("task", { reduce = true, webhook = true })))
  end)
end)
