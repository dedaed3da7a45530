local json = require "watchbot.lib.json"
local query = require "watchbot.aws.query"
local services = require "watchbot.aws.services"

local function form(parameters, maps)
  local text = query.encode("Do", "2010-03-31", parameters, maps)
  assert.are.equal("Action=Do&Version=2010-03-31", text:sub(1, 28))
  return text:sub(30)
end

describe("query", function()
  it("writes text, numbers and booleans", function()
    assert.are.equal("A=a+b%26%3D%2B%C3%A9&B=true&C=7&D=1000000000000000&E=0.5",
      form { A = "a b&=+é", B = true, C = 7, D = 1e15, E = 0.5 })
  end)

  it("writes every byte so that it arrives", function()
    local all = {}
    for byte = 0, 255 do all[#all + 1] = string.char(byte) end
    all = table.concat(all)
    local function byte_of(hex) return string.char(tonumber(hex, 16)) end
    local back = form { A = all }:sub(3):gsub("%+", " "):gsub("%%(%x%x)", byte_of)
    assert.are.equal(all, back)
  end)

  it("writes structures and lists", function()
    assert.are.equal("L.member.1=a&L.member.2=b&S.T.U=1", form {
      L = { "a", "b" }, S = { T = { U = 1 } },
    })
    assert.are.equal("L.member.1.K=a&L.member.1.V=b", form { L = { { K = "a", V = "b" } } })
    assert.are.equal("L=", form { L = json.list {} })
    assert.are.equal("", form { L = {} })
    assert.are.equal("", form { N = json.null })
  end)

  it("writes maps as the service wants them", function()
    local maps = services.find "sns".maps
    assert.are.equal("Attributes.entry.1.key=A&Attributes.entry.1.value=1&"
      .. "Attributes.entry.2.key=B&Attributes.entry.2.value=2",
      form({ Attributes = { B = "2", A = "1" } }, maps))
    assert.are.equal("MessageAttributes.entry.1.Name=n&"
      .. "MessageAttributes.entry.1.Value.DataType=String"
      .. "&MessageAttributes.entry.1.Value.StringValue=v",
      form({ MessageAttributes = { n = { DataType = "String", StringValue = "v" } } }, maps))
    assert.are.equal("E.member.1.MessageAttributes.entry.1.Name=n&"
      .. "E.member.1.MessageAttributes.entry.1.Value.StringValue=v",
      form({ E = { { MessageAttributes = { n = { StringValue = "v" } } } } }, maps))
  end)

  it("raises for what has no form", function()
    assert.error_matches(function() form { A = print } end, "parameter 'A' cannot be a function")
    assert.error_matches(function() form { A = { 1, x = 2 } } end,
      "parameter 'A' has names and numbers for keys, or gaps")
    assert.error_matches(function() form { A = { [3] = 1 } } end,
      "parameter 'A' has names and numbers for keys, or gaps")
  end)
end)
