"""The original's side: a Flask program on Flask-JWT-Extended and Flask-Bcrypt, as they are on PyPI.

`originals.py make` makes tokens, `judge` says what its routes answer, `users FILE` fills a users table. The input is JSON.
"""

import json
import sqlite3
import sys
import warnings
from datetime import timedelta

from flask import Flask, jsonify
from flask_bcrypt import Bcrypt
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token, get_jwt, jwt_required

warnings.simplefilter("error")


def program(secret, **settings):
    app = Flask(__name__)
    app.config.update(JWT_SECRET_KEY=secret, **settings)
    JWTManager(app)

    def answer():
        return jsonify(get_jwt())

    for path, options in {"required": {}, "fresh": {"fresh": True}, "refresh": {"refresh": True}}.items():
        app.add_url_rule(f"/{path}", path, jwt_required(**options)(answer))
    return app


def make(asked):
    """For each wish a token: of which kind, for whom, with which settings."""
    tokens = []
    for wish in asked["wishes"]:
        with program(asked["secret"], **wish.get("settings", {})).app_context():
            if wish["type"] == "refresh":
                tokens.append(create_refresh_token(wish["identity"]))
            else:
                lifetime = timedelta(seconds=wish.get("lifetime", 900))
                fresh = wish.get("fresh", False)
                tokens.append(create_access_token(wish["identity"], fresh=fresh, expires_delta=lifetime))
    return tokens


def judge(asked):
    """For each request, a path and a header's value or none, the status and the body."""
    client = program(asked["secret"]).test_client()
    answers = []
    for path, authorization in asked["requests"]:
        headers = {} if authorization is None else {"Authorization": authorization}
        answer = client.get(f"/{path}", headers=headers)
        answers.append([answer.status_code, answer.get_json()])
    return answers


def users(asked):
    """The text's table, filled as the text fills it."""
    bcrypt = Bcrypt(Flask(__name__))
    table = sqlite3.connect(sys.argv[2])
    table.execute(
        "CREATE TABLE user (id INTEGER NOT NULL PRIMARY KEY, username VARCHAR(30) NOT NULL UNIQUE,"
        " password VARCHAR(60) NOT NULL)"
    )
    for number, name, password in asked["users"]:
        hashed = bcrypt.generate_password_hash(password).decode("utf-8")
        table.execute("INSERT INTO user VALUES (?, ?, ?)", (number, name, hashed))
    table.commit()
    return []


print(json.dumps({"make": make, "judge": judge, "users": users}[sys.argv[1]](json.load(sys.stdin))))
