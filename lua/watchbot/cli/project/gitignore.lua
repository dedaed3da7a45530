--- cli.project.gitignore: the .gitignore of a new project.

local text = [==[
/jobs.db*
/stack.json
]==]

return { path = ".gitignore", process = text, task = text }
