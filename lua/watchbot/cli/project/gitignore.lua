--- cli.project.gitignore: what a new project does not keep.

local text = [==[
/watchbot
/jobs.db*
/stack.json
]==]

return { path = ".gitignore", process = text, task = text }
