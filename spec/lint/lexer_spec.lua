local lexer = require "lint.lexer"

local function texts(source)
  local all = {}
  for _, token in ipairs(lexer.tokens(source)) do all[#all + 1] = token.text end
  return all
end

describe("the tokens of Lua", function()
  it("leave out comments of every kind", function()
    assert.are.same({ "a", "b", "c" }, texts "a -- x\nb --[[ y\n ]] c --[==[ ]] z ]==]")
    assert.are.same({ "print", "(", ")" }, texts "#!/usr/bin/lua5.4\nprint()")
  end)

  it("keep strings whole, with what looks like a comment or an end in them", function()
    assert.are.same({ '"-- \\" x"', "'\\\\'", "[[ -- ]]", "[=[ ]] ]=]" },
      texts [==["-- \" x" '\\' [[ -- ]] [=[ ]] ]=]]==])
    assert.are.equal(" ]] ", lexer.unquote "[=[ ]] ]=]")
    assert.are.equal("x", lexer.unquote "'x'")
  end)

  it("know their lines", function()
    local tokens = lexer.tokens 'a\n"b\\\nc"\n\nd'
    assert.are.same({ 1, 2, 5 }, { tokens[1].line, tokens[2].line, tokens[3].line })
  end)
end)

describe("the strings of C", function()
  it("are found outside of comments, includes and characters", function()
    local found = lexer.c_strings [[
#include "a.h"
/* "b" */ // "c"
char quote = '"', other = '\'';
puts("d \" e" /* f */ "g");]]
    assert.are.same({ { text = 'd \\" e', line = 4 }, { text = "g", line = 4 } }, found)
  end)

  it("leave out an include in the first line", function()
    assert.are.same({}, lexer.c_strings '#include "a.h"\n')
  end)
end)
