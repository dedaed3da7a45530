-- What shells complete comes from what the commands declare, and the shells themselves say it.

local shell = require "support.shell"

local FOLDER = ".package/completions/watchbot."

-- What bash offers for the words, the last of which is being typed.
local BASH = [[
  source .package/completions/watchbot.bash
  COMP_WORDS=(watchbot %s) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  _watchbot
  printf '%%s\n' "${COMPREPLY[@]}"
]]

local function bash(words)
  local out, code = shell.run("bash -c " .. shell.quote(BASH:format(words)))
  assert.are.equal(0, code, out)
  return out
end

local function has(name) return os.execute(("command -v %s >/dev/null"):format(name)) == true end

describe("the completions", function()
  for _, name in ipairs { "bash", "zsh", "fish" } do
    it("of " .. name .. " are what `make generated` makes", function()
      local script = shell.lua(shell.root .. "/src/generate/completions.lua")
      local out, code = shell.run(("%s %s"):format(script, name))
      assert.are.equal(0, code)
      assert.are.equal(out, shell.read(FOLDER .. name), "run make generated")
    end)
  end

  it("complete commands, options, actions and values in bash", function()
    assert.are.equal("run\n", bash "ru")
    assert.are.equal("--queue\n", bash "run --q")
    assert.are.equal("replay\n", bash "dead-letter re")
    assert.are.equal("text\n", bash "run --log t")
    assert.are.equal("process\ntask\n", bash "init --mode ''")
    assert.are.equal("set-total\nset-metadata\n", bash "progress set-")
    assert.are.equal("README.md\n", bash "run READ")
    assert.are.equal("template\n", bash "help templ")
    assert.are.equal("\n", bash "run --queue s")
    -- A policy's outcomes, and the states of a message that has none.
    assert.are.equal("reject\nrelease\nretry\n", bash "test policy.lua --expect re")
    assert.are.equal("held\n", bash "test policy.lua --expect h")
  end)

  it("complete in fish", function()
    if not has "fish" then return pending "fish is not installed" end
    local line = [[fish --no-config -c 'source %sfish; complete --do-complete "watchbot %s"' 2>&1]]
    local function fish(words) return (shell.run(line:format(FOLDER, words))) end
    assert.matches("^dead%-letter\t", fish "dead-l")
    assert.matches("^%-%-queue\t", fish "run --que")
    assert.matches("replay", fish "dead-letter repl")
    assert.matches("^text\t", fish "run --log te")
    assert.matches("^queued\t", fish "test policy.lua --expect q")
  end)

  it("load in zsh, and complete there", function()
    if not has "zsh" then return pending "zsh is not installed" end
    local script = [[
      fpath=($PWD/%s $fpath)
      autoload -Uz compinit && compinit -u -d %s/dump
      compdef _watchbot watchbot
      whence -w _watchbot && echo $_comps[watchbot]
    ]]
    local folder = shell.folder()
    os.execute(("cp %szsh %s/_watchbot"):format(FOLDER, folder))
    local out = shell.run("cd / && zsh -f -c " .. shell.quote(script:format(folder:sub(2), folder))
      .. " 2>&1")
    shell.remove(folder)
    assert.are.equal("_watchbot: function\n_watchbot\n", out)
    assert.are.equal("", (shell.run(("zsh -n %szsh 2>&1"):format(FOLDER))))
  end)
end)
