-- A bucket that got a condition was "changed; no data is lost": where the condition does not hold,
-- the update removes it, with all that is in it.

local cf = require "watchbot.template.cf"
local diff = require "watchbot.template.diff"

local ON = { Parameters = { Env = { Type = "String" } } }

local function template(condition, definition, more)
  local bucket = { Type = "AWS::S3::Bucket", Condition = condition }
  for name, value in pairs(more or {}) do bucket[name] = value end
  return { Parameters = ON.Parameters, Conditions = condition and { [condition] = definition },
    Resources = { Data = bucket } }
end

local LIVE, OTHER = cf.equals(cf.ref "Env", "live"), cf.equals(cf.ref "Env", "test")
local YES, NO = cf.equals("a", "a"), cf.equals("a", "b")

local function change(before, after) return diff(before, after)[1] end

describe("a resource whose condition changes", function()
  it("may be lost where a parameter decides", function()
    for _, pair in ipairs {
      { template(), template("Live", LIVE) },
      { template("Live", LIVE), template("Live", OTHER) },
      { template("Live", LIVE), template("Other", OTHER) },
      { template("Yes", YES), template("Live", LIVE) },
    } do
      local found = change(pair[1], pair[2])
      assert.are.same({ "changed", true, "the objects in it" },
        { found.what, found.maybe, found.loses })
      assert.are.equal("Condition", found.paths[1])
    end
  end)

  it("is lost where it is known that the condition does not hold", function()
    local found = change(template(), template("No", NO))
    assert.are.same({ "removed", "the objects in it" }, { found.what, found.loses })
    assert.is_nil(found.maybe)
    found = change(template(nil, nil, { DeletionPolicy = "Retain" }),
      template("No", NO, { DeletionPolicy = "Retain" }))
    assert.is_nil(found.loses)
    assert.are.equal("the objects in it", found.leaves)
  end)

  it("stays where nothing decides otherwise", function()
    for _, pair in ipairs {
      { template("Live", LIVE), template("Live", LIVE) },
      { template("Live", LIVE), template("Named", LIVE) },
      { template("Live", LIVE), template() },
      { template(), template("Yes", YES) },
      { template("No", NO), template("Live", LIVE) },
    } do
      local found = change(pair[1], pair[2])
      assert.is_nil(found and found.loses)
    end
  end)

  it("costs nothing where it holds nothing", function()
    local before, after = template(), template("Live", LIVE)
    before.Resources.Data.Type, after.Resources.Data.Type = "AWS::IAM::Role", "AWS::IAM::Role"
    assert.is_nil(change(before, after).loses)
  end)
end)
