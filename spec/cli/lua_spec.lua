local workshop = require "support.workshop"

describe("watchbot lua", function()
  it("runs a file with the modules of the program, its arguments and its folder's modules",
    workshop.task(function(folder)
      folder:write("more.lua", "return 7")
      folder:write("tool.lua", [[
        local scheduler = require "watchbot.scheduler"
        print(arg[0], arg[1], (...), require "more", scheduler.run(function() return 1 end))]])
      local exit, out = workshop.run(folder, { "lua", "tool.lua", "--dry-run" })
      assert.are.same({ 0, "tool.lua\t--dry-run\t--dry-run\t7\t1\n" }, { exit.code, out })
      folder:write("bad.lua", "error 'no'")
      local _, err
      exit, _, err = workshop.run(folder, { "lua", "bad.lua" })
      assert.are.equal(1, exit.code)
      assert.matches("^watchbot: lua: bad.lua:1: no\n", err)
      folder:write("bad.lua", "for")
      assert.are.equal(2, workshop.run(folder, { "lua", "bad.lua" }).code)
      assert.are.equal(2, workshop.run(folder, { "lua", "none.lua" }).code)
      assert.are.equal(2, workshop.run(folder, { "lua" }).code)
    end))
end)
