-- `watchbot help recipes` names examples and commands: each must be there.
local workshop = require "support.workshop"

describe("watchbot help recipes", function()
  it("is completed, and named by the manual", function()
    for _, path in ipairs {
      ".package/completions/watchbot.bash", ".package/completions/watchbot.zsh",
      ".package/completions/watchbot.fish", "doc/man/watchbot.1",
    } do
      local file <close> = assert(io.open(path))
      assert.matches("%f[%w]recipes%f[%W]", file:read "a", 1, false)
    end
  end)

  it("names examples and commands that there are", workshop.task(function(folder)
    local exit, out = workshop.run(folder, { "help", "recipes" })
    assert.are.equal(0, exit.code)
    local examples, commands = 0, 0
    for name in out:gmatch "doc/examples/([%w-]+)" do
      examples = examples + 1
      local file = assert(io.open(("doc/examples/%s/README.md"):format(name)), name)
      file:close()
    end
    for name in out:gmatch "watchbot ([%w-]+)" do
      commands = commands + 1
      assert.are.equal(0, workshop.run(folder, { "help", name }).code, name)
    end
    assert.is_true(examples >= 5 and commands >= 4)
    for name in io.open "doc/recipes.md":read "a":gmatch "%]%(([%w/.-]+)%)" do
      local file = io.open("doc/" .. name)
      assert.is_truthy(file or name:find "^https", name)
    end
  end))
end)
