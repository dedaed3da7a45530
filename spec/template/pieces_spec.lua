local cjson = require "cjson"
local pieces = require "watchbot.template.pieces"

local ref = { Ref = "Name" }
local split = { ["Fn::Select"] = { 0, { ["Fn::Split"] = { "/", ref } } } }

-- The text that an intrinsic becomes once CloudFormation knows that `Name` is `value`, which may be
-- a list.
local function resolved(made, value)
  if type(made) ~= "table" then return tostring(made) end
  if made.Ref then return value end
  if made["Fn::Sub"] then
    return (made["Fn::Sub"]:gsub("%${([^!}]+)}", function() return value end):gsub("%${!", "${"))
  end
  local separator, list = made["Fn::Join"][1], made["Fn::Join"][2]
  local parts = {}
  for index, piece in ipairs(list.Ref and value or list) do
    parts[index] = resolved(piece, value)
  end
  return table.concat(parts, separator)
end

describe("pieces", function()
  it("are text where all are plain", function()
    assert.are.equal("a-1", pieces.concat("a", "-", 1))
    assert.are.equal("", pieces.concat())
    assert.are.equal(ref, pieces.concat(ref))
  end)

  it("are one Fn::Sub where that can say it, and what looks like one of its variables stays as it "
    .. "is", function()
    assert.are.same({ ["Fn::Sub"] = "a-${Name}-b" }, pieces.concat("a", "-", ref, "-", "b"))
    assert.are.same({ ["Fn::Sub"] = "${AWS::Region}/${Queue.Arn}" },
      pieces.concat({ ["Fn::Sub"] = "${AWS::Region}/" }, { ["Fn::GetAtt"] = { "Queue", "Arn" } }))
    assert.are.equal("${HOME}-value", resolved(pieces.concat("${HOME}-", ref), "value"))
  end)

  it("are joined where another intrinsic is among them", function()
    assert.are.same({ ["Fn::Join"] = { "", { "a-", split } } }, pieces.concat("a-", split))
  end)

  it("may stand between the items of a list, and of one that is an intrinsic", function()
    assert.are.equal("/a,/b", pieces.list(",", { "/a", "/b" }))
    assert.are.same({ ["Fn::Sub"] = "/a,${Name}" }, pieces.list(",", { "/a", ref }))
    assert.are.same({ ["Fn::Join"] = { ",", ref } }, pieces.list(",", ref))
  end)

  it("make JSON text in a stable order, with intrinsics in quotes", function()
    assert.are.equal([[{"a":[1,"x"],"b":"say \"hi\"","c":{"d":true}}]],
      pieces.json { c = { d = true }, b = 'say "hi"', a = { 1, "x" } })
    local made = resolved(pieces.json { group = ref, list = { ref, "b" } }, "value")
    assert.are.same({ group = "value", list = { "value", "b" } }, cjson.decode(made))
  end)

  it("make JSON of numbers and of lists that intrinsics stand for", function()
    assert.are.same({ weight = 3 },
      cjson.decode(resolved(pieces.json { weight = pieces.raw(ref) }, "3")))
    local subnets = resolved(pieces.json { subnets = pieces.texts(ref) }, { "a", "b" })
    assert.are.same({ subnets = { "a", "b" } }, cjson.decode(subnets))
    assert.are.equal('{"subnets":["a"]}', pieces.json { subnets = pieces.texts { "a" } })
  end)
end)
