-- `watchbot check /dev/zero` used all memory of the machine, as did a message from a device.

local whole_file = require "watchbot.lib.whole_file"
local workshop = require "support.workshop"

local task, run = workshop.task, workshop.run

describe("a whole file", function()
  it("is its text", task(function(folder)
    for _, text in ipairs { "", "a", "a\0b\r\n", ("x"):rep(16 << 20) } do
      assert.is_true(text == whole_file(folder:write("file", text)))
    end
  end))

  it("is an error with its path where it cannot be read, or has no end", task(function(folder)
    folder:write("large", ("x"):rep((16 << 20) + 1))
    for name, err in pairs {
      ["/nowhere"] = "^'/nowhere': no such file", [folder.path] = ": is a directory$",
      [folder:file "large"] = "large': it has more than 16 MiB$",
      ["/dev/zero"] = "^'/dev/zero': it has more than 16 MiB$",
    } do
      local text, problem = whole_file(name)
      assert.is_nil(text)
      assert.matches(err, problem)
    end
  end))

  it("bounds what every command reads", task(function(folder)
    folder:write("policy.lua", 'return require "watchbot".policy { command = "true" }')
    folder:write("stack.lua", 'return {}')
    for _, argv in ipairs {
      { "check", "/dev/zero" }, { "run", "/dev/zero" }, { "template", "/dev/zero" },
      { "test", "/dev/zero", "--message", "x" }, { "test", "policy.lua", "--body-file",
        "/dev/zero" }, { "template", "--diff", "/dev/zero", "stack.lua" },
      { "send", "--queue", folder:url(), "--from", "/dev/zero" },
    } do
      local exit, _, err = run(folder, argv)
      assert.is_true(exit.code == 1 or exit.code == 2, table.concat(argv, " "))
      assert.matches("more than 16 MiB", err)
    end
    local exit, _, err = run(folder, { "send", "--queue", folder:url() }, {
      stdin = ("x"):rep((16 << 20) + 1) })
    assert.are.equal(1, exit.code)
    assert.matches("a line has more than 16 MiB", err)
  end))
end)
