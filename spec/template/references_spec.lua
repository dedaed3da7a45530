local cf = require "watchbot.template.cf"
local references = require "watchbot.template.references"

local function found_in(value)
  local found = {}
  references.each(value, "here", function(reference)
    found[#found + 1] = ("%s %s at %s"):format(reference.kind, reference.id, reference.path)
  end)
  return found
end

describe("the references of a value", function()
  it("are those of all functions that refer to something, at any depth", function()
    assert.are.same({ "Ref A at here.x.0", "GetAtt B at here.x.1", "Ref C at here.y" },
      found_in { y = cf.ref "C", x = { cf.ref "A", cf.getatt("B", "Arn") } })
    assert.are.same({ "Ref A at here.0", "Condition Big at here.1", "GetAtt B at here.1.0" },
      found_in {
      cf.join("", { cf.ref "A" })["Fn::Join"][2][1], cf.if_("Big", cf.getatt("B", "Arn"), 1) })
    assert.are.same({ "Mapping Map at here", "Ref A at here.1" },
      found_in(cf.find_in_map("Map", cf.ref "A", "b")))
    assert.are.same({ "GetAtt B at here" }, found_in { ["Fn::GetAtt"] = "B.Arn" })
  end)

  it("are in the text of Fn::Sub, but for what it is given and what it leaves", function()
    assert.are.same({ "Ref A at here", "GetAtt B at here", "Ref AWS::Region at here" },
      found_in(cf.sub "${A} ${B.Arn} ${!C} $D ${AWS::Region}"))
    assert.are.same({ "Ref Value at here.A", "Ref B at here" },
      found_in(cf.sub("${A}${B}", { A = cf.ref "Value" })))
  end)

  it("are none in what only looks like one", function()
    assert.are.same({}, found_in { Ref = "A", more = 1 })
    assert.are.same({}, found_in "Ref")
  end)
end)

describe("the needs of a resource", function()
  it("are what it refers to, and DependsOn", function()
    local template = { Resources = {
      A = { Properties = { One = cf.ref "B", Two = cf.ref "Parameter" }, DependsOn = "C" }, B = {},
      C = { DependsOn = { "A", "B" } },
    } }
    assert.are.same({ "B", "C" }, references.needs(template, "A"))
    assert.are.same({}, references.needs(template, "B"))
    assert.are.same({ "A", "B" }, references.needs(template, "C"))
    assert.are.same({ "A", "B", "C" }, references.resources(template))
  end)
end)
