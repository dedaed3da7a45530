local json = require "watchbot.lib.json"
local to_json = require "watchbot.template.to_json"

describe("a template as JSON", function()
  it("is the same as before when it is read back", function()
    local template = { Resources = { A = { Type = "T", Properties = {
      List = json.list {}, Map = {}, No = false, Null = json.null, Big = 1 << 60, Half = 0.5,
      Float = 3.0, Zero = 0,
      Text = "\u{1F600} \"quoted\" \\ \n\t\127", Empty = "", ["key with \"quotes\""] = 1, Nested = {
        { {} }, { json.list {} },
      },
    } } } }
    local read = json.decode(to_json(template))
    assert.are.same(template, read)
    assert.is_true(json.is_list(read.Resources.A.Properties.List))
    assert.is_false(json.is_list(read.Resources.A.Properties.Map))
    assert.is_true(json.is_list(read.Resources.A.Properties.Nested[2][1]))
    assert.matches('"Float": 3[,\n]', to_json(template))
  end)

  it("has one order of keys, and short things on one line", function()
    local text = to_json {
      Outputs = { Q = { Value = { Ref = "Q" } } },
      Resources = { Q = { Properties = { B = 1, A = { 1, 2 } }, Type = "T" } },
      AWSTemplateFormatVersion = "2010-09-09",
    }
    assert.are.equal([[
{
  "AWSTemplateFormatVersion": "2010-09-09",
  "Resources": {
    "Q": { "Type": "T", "Properties": { "A": [1, 2], "B": 1 } }
  },
  "Outputs": {
    "Q": { "Value": { "Ref": "Q" } }
  }
}
]], text)
  end)

  it("breaks long lines", function()
    local words = {}
    for index = 1, 40 do words[index] = "word" .. index end
    for line in to_json({ Resources = { A = { Type = "T",
      Properties = { Words = words } } } }):gmatch "[^\n]+" do
      assert.is_true(#line <= 130, line)
    end
  end)

  it("is indented less where that makes it short enough to go without S3", function()
    local template = { Resources = {} }
    for index = 1, 700 do
      template.Resources["A" .. index] = {
        Type = "T", Properties = { Text = ("x"):rep(60), More = { ("y"):rep(60) } },
      }
    end
    local long = to_json(template)
    assert.matches('\n"Resources"', long)
    assert.are.same(template, json.decode(long))
  end)
end)
