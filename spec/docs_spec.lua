-- Pages were renamed, and links led nowhere; a landing page grew to 270 lines.
local shell = require "support.shell"

local function pages()
  local found = {}
  local command = "find README.md CHANGELOG.md doc .github -name '*.md' -not -path 'doc/man/*'"
  for path in shell.run(command):gmatch "[^\n]+" do found[#found + 1] = path end
  return found
end

-- The anchors that GitHub makes of a page's headings.
local function anchors(path)
  local found = {}
  for heading in ("\n" .. shell.read(path)):gmatch "\n#+ ([^\n]+)" do
    found[heading:lower():gsub("[^%w%s_-]", ""):gsub("%s", "-")] = true
  end
  return found
end

local function exists(path) return os.execute("test -e " .. shell.quote(path)) == true end

describe("the documents", function()
  for _, page in ipairs(pages()) do
    it("have links that lead somewhere: " .. page, function()
      local folder = page:match "^(.*)/[^/]*$" or "."
      local text = shell.read(page):gsub("```.-```", ""):gsub("`[^`\n]*`", "")
      for link in text:gmatch "%]%(([^)%s]+)%)" do
        local path, anchor = link:match "^([^#]*)#?(.*)$"
        if not link:find "^%a+:" then
          local target = path == "" and page or folder .. "/" .. path
          assert.is_true(exists(target), page .. ": " .. link)
          if anchor ~= "" then assert.is_true(anchors(target)[anchor], page .. ": " .. link) end
        end
      end
    end)
  end

  -- A path in doc/architecture.md is one of the tree, or of lua/watchbot.
  it("name files that exist: doc/architecture.md", function()
    for path in shell.read "doc/architecture.md":gmatch "`([%w_./-]+%.[luach]+)`" do
      local there = exists(path) or exists("lua/watchbot/" .. path)
        or exists("lua/watchbot/queue/sqlite/" .. path) or exists("src/" .. path)
      assert.is_true(there, path)
    end
  end)

  -- The pages and the program change in different commits.
  describe("name commands, actions and options that exist:", function()
    local commands = {}
    for _, command in ipairs(require "watchbot.cli".commands) do
      commands[command[1]] = require(command[2])
    end

    -- An argument that is no action may be a file: `watchbot schedule policy.lua`.
    local function check_words(name, command, words)
      local action, known = words:match "^%s+(%l[%l-]*)%f[^%l-]%f[^.]", { help = true }
      for _, option in ipairs(command.options) do known[option.name] = true end
      for option in words:gmatch "%s%-%-([%a-]+)" do
        assert.is_true(known[option], ("watchbot %s --%s"):format(name, option))
      end
      local actions = table.concat(command.actions or {}, " ")
      if action and actions ~= "" then
        assert.is_truthy((" " .. actions .. " "):find(" " .. action .. " ", 1, true),
          ("watchbot %s %s"):format(name, action))
      end
    end

    -- doc/deploying.md ran specs as if they were a policy: `watchbot test spec/`.
    local function check_policy(name, words)
      if name ~= "test" or words:find "%-%-spec" then return end
      local word = words:match "^%s+([^%s%-]%S*)"
      assert.is_truthy(not word or word:find "%.lua$" or word:find "^%u",
        "watchbot test" .. words)
    end

    local function check_line(line, in_block)
      for text in line:gmatch "%f[%w/'\"]watchbot ([%l-]+[^\n`|;&]*)" do
        local name, words = text:match "^([%l-]+)(.*)$"
        local in_code = in_block or line:find "^    " or line:find("`watchbot " .. name, 1, true)
        local command = commands[name]
        if in_code and not name:find "^%-" and name ~= "help" and not words:find "@" then
          assert.is_truthy(command, "watchbot " .. name)
          words = words:gsub("%s#.*", "")
          if command.runs_words or command.keeps_rest then words = words:gsub(" %-%- .*", "") end
          check_words(name, command, words)
          check_policy(name, words)
        end
      end
    end

    for _, page in ipairs(pages()) do
      it(page, function()
        local text = shell.read(page):gsub("\\\n%s*", " ")
        local block
        for line in text:gmatch "[^\n]+" do
          local fence = line:match "^```(%a*)"
          if fence then block = not block and fence end
          check_line(line, block == "sh")
        end
      end)
    end
  end)

  -- What the policies read; no call of AWS leaves this machine.
  local ENVIRONMENT = "QueueUrl=sqlite:jobs.db Cluster=c TaskDefinition=t ContainerName=main "
    .. "AWS_REGION=eu-west-1 AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x AWS_MAX_ATTEMPTS=1 "
    .. "AWS_ENDPOINT_URL=http://127.0.0.1:1"

  -- Two pages showed policies without their first line.
  it("show policies that load, without advice", function()
    local count, folder = 0, shell.folder()
    for _, page in ipairs(pages()) do
      for block in shell.read(page):gmatch "```lua\n(.-)```" do
        if block:find "watchbot%.policy%s*{" and block:find "\nreturn " then
          count = count + 1
          shell.write(folder .. "/policy.lua", block)
          local out = shell.run(("cd %s && env %s %s/%s/watchbot check policy.lua 2>&1"):format(
            folder, ENVIRONMENT, shell.root, shell.build))
          assert.matches("^policy.lua is fine:", out, 1, false)
          assert.is_nil(out:find "\n  advice", page .. out)
        end
      end
    end
    assert.is_true(count >= 4, count)
    shell.remove(folder)
  end)

  it("are all listed by what somebody wants to do", function()
    local list = shell.read "doc/README.md"
    for path in shell.run "cd doc && ls *.md":gmatch "[^\n]+" do
      if path ~= "README.md" then assert.is_truthy(list:find("(" .. path .. ")", 1, true), path) end
    end
  end)

  it("list all examples, and each has a README and a spec", function()
    local list = shell.read "doc/examples/README.md"
    for name in shell.run "cd doc/examples && ls -d */":gmatch "([^/\n]+)/" do
      assert.is_truthy(list:find("(" .. name .. "/README.md)", 1, true), name)
      assert.is_true(exists("doc/examples/" .. name .. "/README.md"), name)
      assert.are_not.equal("", (shell.run(("ls doc/examples/%s/*_spec.lua"):format(name))))
    end
  end)
end)

describe("the README", function()
  local readme = shell.read "README.md"

  it("is a landing page", function()
    assert.is_true(select(2, readme:gsub("\n", "")) <= 120)
    assert.is_truthy(readme:find("git clone <this repository>", 1, true))
    assert.is_truthy(readme:find("doc/flow.svg", 1, true))
  end)

  it("shows a policy that loads", function()
    local folder = shell.folder()
    shell.write(folder .. "/policy.lua", readme:match "```lua\n(.-)```")
    local out, code = shell.run(("cd %s && %s/%s/watchbot check policy.lua 2>&1"):format(folder,
      shell.root, shell.build))
    assert.are.equal(0, code, out)
    shell.remove(folder)
  end)

  it("names commands that exist", function()
    local commands = { help = true }
    for _, command in ipairs(require "watchbot.cli".commands) do commands[command[1]] = true end
    for command in readme:gmatch "\n    %$? ?watchbot ([%a-]+)" do
      assert.is_true(commands[command], command)
    end
  end)
end)
