-- watchbot.core.input, in separate programs: they read their stdin.

local shell = require "support.shell"

local folder

-- Two tasks, `first` and `second`, read once each. The input is "one"; once a task has it and has
-- slept, "two" follows.
local function read_twice(inputs, before)
  shell.write(folder .. "/program.lua", ([[
    local input, scheduler = require "watchbot.core".input, require "watchbot.scheduler"
    local %s
    scheduler.run(function()
      local function read(from)
        local bytes, why = from:read()
        scheduler.sleep(0.01)
        io.open("%s/go", "w"):close()
        return bytes or why
      end
      local tasks = { scheduler.spawn(read, first), scheduler.spawn(read, second) }
      local results = {}
      for index, one in ipairs(tasks) do results[index] = select(2, assert(one:join(60))) end
      table.sort(results)
      print(table.concat(results, ", "))
    end)
  ]]):format(inputs, folder))
  os.remove(folder .. "/go")
  return (shell.run(([[{ printf one; until [ -e %s/go ]; do sleep 0.05; done; printf two; } |
    { %s timeout 60 %s 3<&0 2>&1; touch %s/go; }]]):format(folder,
      before or "", shell.lua(folder .. "/program.lua"), folder)))
end

describe("an input", function()
  setup(function() folder = shell.folder() end)
  teardown(function() shell.remove(folder) end)

  -- Both were woken by the same bytes: the second waited for more in read(2), and with it
  -- everything in the program.
  it("is read by one task at a time, and holds up nobody", function()
    assert.are.equal("one, two\n", read_twice("first = input.open(0) local second = first"))
  end)

  -- Between the poll and the read another process that has the same pipe may take what is there;
  -- that is no failure.
  it("goes on waiting when somebody else has taken what was there", function()
    local nonblocking = [[perl -MFcntl -e 'fcntl(STDIN, F_SETFL, O_NONBLOCK) or die';]]
    assert.are.equal("one, two\n",
      read_twice("first, second = input.open(0), input.open(3)", nonblocking))
  end)
end)
