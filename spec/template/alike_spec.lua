-- Values of two templates, however they are written.

local alike = require "watchbot.template.alike"

local TEMPLATE = {
  Resources = { Q = {}, R = {} },
  Conditions = {
    Fargate = { ["Fn::Equals"] = { "EC2", "FARGATE" } },
    Not = { ["Fn::Not"] = { { Condition = "Fargate" } } },
    China = { ["Fn::Equals"] = { { Ref = "AWS::Region" }, "cn-north-1" } },
  },
}

local function ref(id) return { Ref = id } end
local function sub(text, variables)
  return { ["Fn::Sub"] = variables and { text, variables } or text }
end
local function join(separator, ...) return { ["Fn::Join"] = { separator, { ... } } } end
local function if_(...) return { ["Fn::If"] = { ... } } end
local NOTHING = ref "AWS::NoValue"

describe("two values of templates", function()
  for index, case in ipairs {
    { "same", join("-", ref "AWS::StackName", "a"), sub "${AWS::StackName}-a" },
    { "same", join("", "a", join("", "b", ref "Q")), sub "ab${Q}" },
    { "same", sub("${A}/x", { A = { ["Fn::GetAtt"] = { "Q", "Arn" } } }), sub "${Q.Arn}/x" },
    { "same", sub "${!Literal}", "${Literal}" },
    { "same", { ["Fn::GetAtt"] = "Q.Arn" }, sub "${Q.Arn}" },
    { "same", 60, "60" }, { "same", true, "true" }, { "same", 3.0, 3 },
    { "same", if_("Fargate", "a", "b"), "b" }, { "same", if_("Not", "a", NOTHING), "a" },
    { "same", if_("Fargate", "a", NOTHING) },
    { "same", if_("China", "a", "a"), "a" }, { "same", { A = 1, B = NOTHING }, { A = "1" } },
    { "same", { "a", NOTHING, "b" }, { "a", "b" } },
    { "same", { ["Fn::Select"] = { 1, { "a", "b" } } }, "b" },
    { "maybe", if_("China", "a", NOTHING), "a" }, { "maybe", if_("China", "a", NOTHING) },
    { "maybe", ref "Name", "a" }, { "maybe", "tiles-a", sub "${AWS::StackName}-a" },
    { "maybe", ref "Names", { "a" } },
    { "maybe", { A = ref "Name", B = 1 }, { A = "x", B = 1 } },
    { "different", join("-", ref "AWS::StackName", "a"), sub "${AWS::StackName}-a.fifo" },
    { "different", ref "Q", ref "R" }, { "different", if_("China", "a", "b"), "c" },
    { "different", "a", "b" },
    { "different", { A = ref "Name", B = 1 }, { A = "x", B = 2 } }, { "different", "a" },
    { "different", nil, { "a" } },
    { "different", { "a", "b" }, { "b", "a" } }, { "different", sub "a${Q}", sub "b${Q}" },
  } do
    it(("are %s (%d)"):format(case[1], index), function()
      assert.are.equal(case[1], alike(case[2], case[3], TEMPLATE, TEMPLATE))
      assert.are.equal(case[1], alike(case[3], case[2], TEMPLATE, TEMPLATE))
    end)
  end
end)
