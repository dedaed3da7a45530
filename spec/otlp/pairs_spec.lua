local pairs_of = require "watchbot.otlp.pairs"

describe("otlp.pairs", function()
  it("reads a list of names and values, percent-encoded, with blanks around them", function()
    for text, expected in pairs {
      ["a=1"] = { { "a", "1" } }, [" a = 1 , b=2,"] = { { "a", "1" }, { "b", "2" } },
      ["a=b%20c%3D%2c,x=="] = { { "a", "b c=," }, { "x", "=" } }, ["a="] = { { "a", "" } },
      ["k%3d=v"] = { { "k=", "v" } }, ["a=%zz"] = { { "a", "%zz" } }, [""] = {}, [","] = {},
      ["a=1;b"] = { { "a", "1;b" } },
    } do
      assert.are.same(expected, pairs_of.read(text), text)
    end
  end)

  it("knows what is no such list", function()
    for _, text in ipairs { "a", "=1", "a=1,b" } do assert.is_nil(pairs_of.read(text), text) end
  end)
end)
