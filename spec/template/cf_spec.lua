local cf = require "watchbot.template.cf"
local json = require "watchbot.lib.json"

describe("cf", function()
  it("makes the tables that stand for CloudFormation's functions", function()
    assert.are.same({ Ref = "Queue" }, cf.ref "Queue")
    assert.are.same({ ["Fn::GetAtt"] = { "Queue", "Arn" } }, cf.getatt("Queue", "Arn"))
    assert.are.same({ ["Fn::Sub"] = "${AWS::StackName}-a" }, cf.sub "${AWS::StackName}-a")
    assert.are.same({ ["Fn::Sub"] = { "${x}", { x = 1 } } }, cf.sub("${x}", { x = 1 }))
    assert.are.same({ ["Fn::Join"] = { "", { "a", { Ref = "B" } } } },
      cf.join("", { "a", cf.ref "B" }))
    assert.are.same({ ["Fn::Select"] = { 1, { Ref = "List" } } }, cf.select(1, cf.ref "List"))
    assert.are.same({ ["Fn::Split"] = { ":", { Ref = "Arn" } } }, cf.split(":", cf.ref "Arn"))
    assert.are.same({ ["Fn::Base64"] = "text" }, cf.base64 "text")
    assert.are.same({ ["Fn::ImportValue"] = "vpc" }, cf.import_value "vpc")
    assert.are.same({ ["Fn::FindInMap"] = { "Map", "a", "b" } }, cf.find_in_map("Map", "a", "b"))
    assert.are.same({ ["Fn::GetAZs"] = "" }, cf.get_azs())
    assert.are.same({ ["Fn::If"] = { "Big", 2, 1 } }, cf.if_("Big", 2, 1))
    assert.are.same({ ["Fn::If"] = { "Big", true, false } }, cf.if_("Big", true, false))
    assert.are.same({
      ["Fn::And"] = { { ["Fn::Equals"] = { 1, 2 } }, { ["Fn::Not"] = { { Condition = "A" } } } },
    },
      cf.and_(cf.equals(1, 2), cf.not_(cf.condition "A")))
    assert.are.same({ ["Fn::Or"] = { { Condition = "A" }, { Condition = "B" } } },
      cf.or_(cf.condition "A", cf.condition "B"))
  end)

  it("knows one from another table", function()
    for _, value in ipairs { cf.ref "A", cf.getatt("A", "Arn"), cf.sub "a", cf.condition "A" } do
      assert.is_true(cf.is(value))
    end
    for _, value in ipairs { {}, { "Ref" }, { Ref = "A", more = 1 }, { Reference = "A" }, "Ref", 1,
      false } do
      assert.is_false(cf.is(value))
    end
    assert.is_false(cf.is(nil))
  end)

  it("keeps an empty list a list", function()
    assert.are.equal('{"Fn::Join":[",",[]]}', json.encode(cf.join(",", {})))
  end)

  -- { Ref = nil } is an empty table: an output silently got no value.
  it("refuses what is missing, where it was written", function()
    local function refused(pattern, what, ...)
      local ok, err = pcall(what, ...)
      assert.is_false(ok)
      assert.matches(pattern, err)
    end
    refused("cf%.ref: expected the name of a resource or parameter, got nil", cf.ref)
    refused("cf%.ref: .* got ''", cf.ref, "")
    refused("cf%.getatt: expected the name of an attribute, got nil", cf.getatt, "Queue")
    refused("cf%.join: expected a separator, then a list, got table", cf.join, { "a" })
    refused("cf%.join: expected a list, got nil", cf.join, ",")
    refused("cf%.join: expected a list, got table", cf.join, ",", { a = 1 })
    refused("cf%.sub: expected text, got table", cf.sub, {})
    refused("cf%.split: .* got nil", cf.split, ",")
    refused("cf%.select: .* got nil", cf.select, 0)
    refused("cf%.if_: expected two values", cf.if_, "Big", 1)
    local chunk = load("local cf = ...\nlocal a = cf.ref(nil)", "@stack.lua")
    refused("^stack%.lua:2: cf%.ref", chunk, cf)
  end)
end)
