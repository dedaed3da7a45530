local baggage = require "watchbot.trace.baggage"

local function members(count)
  local all = {}
  for index = 1, count do all[index] = ("k%d=v"):format(index) end
  return table.concat(all, ",")
end

describe("trace.baggage", function()
  it("reads baggage, and writes it without its blanks", function()
    for text, expected in pairs {
      ["a=1"] = "a=1", [" a = 1 ,\tb=2 ; p1 ; p2 = x "] = "a=1,b=2;p1;p2=x", ["a="] = "a=",
      ["userId=Am%C3%A9lie,x=1"] = "userId=Am%C3%A9lie,x=1", ["a=b=c"] = "a=b=c",
      ["!#$%&'*+-.^_`|~=[]/?@{}()<>"] = "!#$%&'*+-.^_`|~=[]/?@{}()<>",
    } do
      assert.are.equal(expected, baggage.read(text), text)
    end
    assert.are.equal(members(64), baggage.read(members(64)))
    local longest = "a=" .. ("v"):rep(8190)
    assert.are.equal(longest, baggage.read(longest))
  end)

  it("refuses everything else, as a whole", function()
    for _, text in ipairs {
      "", " ", ",", "a", "=1", "a=1,", "a=1,,b=2", "a=1;", "a=1;;p", "a=1;=x", "a b=1", "a=x y",
      'a="x"', "a=x\\y", "a=\1", "a=x\nb", "a=\0", "a=\127", "a=\xc3\xa4", "a\r\n=1", "(=1",
      members(65), "a=" .. ("v"):rep(8191),
    } do
      assert.is_nil(baggage.read(text), ("%q"):format(text))
    end
    for _, value in ipairs { 7, true, {} } do assert.is_nil(baggage.read(value)) end
  end)

  -- A pattern that tries each blank as the last one takes a second for these.
  it("takes a time that grows with the length, whatever the text", function()
    local began = os.clock()
    for _ = 1, 100 do
      baggage.read("a=1" .. (" "):rep(8180) .. "x")
      baggage.read((" "):rep(4000) .. "a" .. (" "):rep(4000) .. "=")
    end
    assert.is_true(os.clock() - began < 5)
  end)
end)
