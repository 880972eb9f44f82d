# Sourced by scene.sh and by the demo (tests/demo/mistral.sh): a site's part in Mistral, filled in for this machine.
mistral_tests=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
mistral_templates=$(realpath "$mistral_tests/../../../templates/mistral")

# The environment of steps over ssh, to this machine; MISTRAL-DIR is that of mistral.sh.
environment_over_ssh() { # MISTRAL-DIR PROGRAM OPTIONS
  sed "s,holdfast_host:.*,holdfast_host: 127.0.0.1,; s,holdfast_user:.*,holdfast_user: $(id -un),
    s,holdfast_key_file:.*,holdfast_key_file: $1/ssh/id,; s,holdfast_program:.*,holdfast_program: $2,
    s,holdfast_options:.*,holdfast_options: $3," "$mistral_templates/environment.yaml"
}
# That of steps through an agent.
environment_with_agent() { # TOKEN URL [CA-FILE]
  sed "/^  holdfast_/d; s#^  \# holdfast_agent_url:.*#  holdfast_agent_url: $2#;
    s,^  # holdfast_agent_token:.*,  holdfast_agent_token: $1,
    ${3:+s#^  \# holdfast_agent_verify:.*#  holdfast_agent_verify: $3#}" "$mistral_templates/environment.yaml"
}
# Creates the action of one of the templates, and an environment.
create_site() { # URL TEMPLATE ENVIRONMENT-FILE
  python3 "$mistral_tests/api.py" "$1" create actions "$mistral_templates/$2"
  python3 "$mistral_tests/api.py" "$1" environment "$3"
}
