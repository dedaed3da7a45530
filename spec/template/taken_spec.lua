-- Names that an update cannot give to a new resource.

local taken = require "watchbot.template.taken"

local function pair(before, after)
  return { before = { Resources = before }, after = { Resources = after } }
end

describe("a name", function()
  it("is taken by a resource of the same type only", function()
    local old = { Old = { Type = "AWS::SNS::Topic", Properties = { TopicName = "a" } } }
    local new = { New = { Type = "AWS::SNS::Topic", Properties = { TopicName = "a" } } }
    assert.matches("TopicName is taken by 'Old'", taken.by_another(pair(old, new), "New"))
    old.Old.Type = "AWS::SQS::Queue"
    assert.is_nil(taken.by_another(pair(old, new), "New"))
  end)

  it("of a stage is taken within its API, by a stage or a deployment", function()
    local function stage(api) return { StageName = "watchbot", RestApiId = { Ref = api } } end
    local new = {
      New = { Type = "AWS::ApiGateway::Stage", Properties = stage "Api" }, Api = {}, Other = {},
    }
    for _, type in ipairs { "AWS::ApiGateway::Stage", "AWS::ApiGateway::Deployment" } do
      local old = {
        Old = { Type = type, Properties = stage "Api" }, Api = { Type = "x" },
        Other = { Type = "x" },
      }
      assert.matches("taken by 'Old'", taken.by_another(pair(old, new), "New"))
      old.Old.Properties = stage "Other"
      assert.is_nil(taken.by_another(pair(old, new), "New"))
    end
  end)

  it("that stays the same keeps a resource from being replaced", function()
    local function with(name)
      return { A = { Type = "AWS::IAM::Role", Properties = { RoleName = name } } }
    end
    assert.matches("another RoleName", taken.by_itself(pair(with "a", with "a"), "A"))
    assert.is_nil(taken.by_itself(pair(with "a", with "b"), "A"))
    assert.is_nil(taken.by_itself(pair(with(nil), with(nil)), "A"))
  end)
end)
